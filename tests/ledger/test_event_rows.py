"""Events as they are told to others: each once, in order, with what came with it."""

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.states import State
from batch.ledger.event_rows import RowEvent, RowMet, row_events, rows_met
from tests.support.simulated import ledger_of, shots
from tests.support.video_rows import succeed


def test_rows_are_met_in_the_order_in_which_they_were_enrolled() -> None:
    """Also one that the table no longer has."""
    ledger = ledger_of(shots(3))
    ledger.db.execute("DELETE FROM sheet WHERE row = 3")
    assert list(rows_met(ledger, 1)) == [RowMet(2, 3, "s1"), RowMet(3, None, "s2")]


def test_each_event_is_told_with_what_it_brought() -> None:
    """A request and a video with their own events only, while they are the row's last ones."""
    ledger = ledger_of(shots(1))
    succeed(ledger, 1, "r1", "https://v/1")
    first = list(row_events(ledger, 0))
    assert [(one.old, one.new, one.request_id, one.video_url) for one in first] == [
        ("pending", "submitting", None, None),
        ("submitting", "submitted", "r1", None),
        ("submitted", "succeeded", None, "https://v/1"),
    ]
    assert first[0] == RowEvent(1, 1, 2, "s0", 1e9, "pending", "submitting", None, None, None)
    ledger.apply(1, states.again(State.SUCCEEDED, 3e9))
    ledger.apply(1, states.claimed(3e9, None, 1))
    ledger.apply(1, states.accepted(4e9, Receipt("r2", "https://s", "https://r", "https://c")))
    ledger.apply(1, states.failed(5e9, "bad", "why", 0))
    later = list(row_events(ledger, 3))
    assert [(one.seq, one.new, one.request_id) for one in later] == [
        *((4, "pending", None), (5, "submitting", None), (6, "submitted", "r2"), (7, "failed", None)),
    ]
    assert later[-1].detail == "bad: why"
    assert [one.video_url for one in row_events(ledger, 0)] == [None, None, "https://v/1", *[None] * 4]
    assert [one.request_id for one in row_events(ledger, 0)] == [None, "r1", *[None] * 3, "r2", None]
