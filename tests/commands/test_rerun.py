"""Which rows are run again, and which are refused: a real table, a real ledger, no service."""

from collections.abc import Callable

import pytest

from batch.commands.rerun import Selection
from batch.core import states
from batch.core.states import State
from batch.errors import UsageError
from tests.support.sheets import PRICE, Sheet

MIXED = "prompt,image,id\n" + "".join(
    f"{one},https://x.y/1,{one}\n" for one in ("ok", "bad", "worse", "off", "doubt", "new")
)


@pytest.fixture
def mixed(make: Callable[..., Sheet]) -> Sheet:
    """Rows 2 to 7: with its video, failed, failed otherwise, cancelled, in doubt, pending."""
    batch = make(MIXED)
    batch.succeed(1)
    batch.fail(2)
    batch.fail(3, "image_too_small")
    batch.ledger.apply(4, states.cancelled(State.PENDING, 1e9, 0))
    batch.ledger.apply(5, states.claimed(1e9, None, PRICE))
    batch.ledger.apply(5, states.reply_lost(1e9, "cut"))
    batch.read()
    return batch


def test_a_kind_that_there_is_not_is_refused_with_those_that_there_are(mixed: Sheet) -> None:
    """A slip of the pen runs nothing, and does not look as if there were nothing to run."""
    with pytest.raises(UsageError) as told:
        mixed.mark(Selection(error_types=["image_too_small", "image_to_small"]))
    assert str(told.value) == (
        "--kind image_to_small: no row ended so. The kinds of failure in this table: cancelled (1 row), "
        "content_policy_violation (1 row), image_too_small (1 row). Did you mean image_too_small or image_too_large?"
    )
    assert mixed.pending() == [7]


@pytest.mark.parametrize(
    ("selection", "pending"),
    [
        (Selection(), [3, 4, 5, 7]),
        (Selection(error_types=["image_too_small"]), [4, 7]),
        (Selection(error_types=["image_too_small", "cancelled"]), [4, 5, 7]),
        (Selection(error_types=["generation_timeout"]), [7]),
        (Selection(numbers=[3]), [3, 7]),
        (Selection(ids=["worse", " off "]), [4, 5, 7]),
        (Selection(ids=["worse"], numbers=[3]), [3, 4, 7]),
        (Selection(numbers=[7]), [7]),
        (Selection(failed=False, stale=True), [7]),
    ],
)
def test_what_is_asked_for_is_run_again_and_nothing_else(
    mixed: Sheet, selection: Selection, pending: list[int]
) -> None:
    """All that failed, by kind, by row or by id."""
    mixed.mark(selection)
    assert mixed.pending() == pending


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        (Selection(numbers=[2]), "--row 2: the row has its video"),
        (Selection(numbers=[3, 6]), "--row 6: the row is in_doubt: it may be paid for already"),
        (Selection(numbers=[3, 99]), "--row 99: the table has no such row"),
        (Selection(numbers=[1]), "--row 1: the table has no such row"),
        (Selection(ids=["bad", "ok"]), "--id ok: the row has its video"),
        (Selection(ids=["bad", "nobody"]), "--id nobody: the table has no such row"),
        (Selection(numbers=[2], stale=True), "--row 2: the row has its video"),
    ],
)
def test_a_named_row_that_cannot_be_run_again_stops_it_all(mixed: Sheet, selection: Selection, said: str) -> None:
    """A slip of the finger buys nothing; the other named rows stay as they were, too."""
    before = mixed.ledger.db.execute("SELECT * FROM row").fetchall()
    with pytest.raises(UsageError) as caught:
        mixed.mark(selection)
    assert str(caught.value).startswith(said)
    assert mixed.ledger.db.execute("SELECT * FROM row").fetchall() == before


def test_a_named_row_that_is_invalid_says_what_is_wrong_with_it(make: Callable[..., Sheet]) -> None:
    """Also one that was never fit to be sent."""
    batch = make("prompt,image,id\n,https://x.y/1,s1\n")
    for selection in (Selection(numbers=[2]), Selection(ids=["s1"])):
        with pytest.raises(UsageError, match=r"cannot be run as it is \(prompt: is empty"):
            batch.mark(selection)


def test_a_stale_row_is_bought_with_what_it_says_now(make: Callable[..., Sheet]) -> None:
    """Not with the inputs of the video that it has; and only where that is asked for."""
    batch = make("prompt,image,id,duration\nold,https://x.y/1,s1,5\n")
    batch.succeed(1)
    batch.path.write_text("prompt,image,id,duration\nnew,https://x.y/1,s1,10\n")
    batch.read()
    batch.mark(Selection())
    assert batch.pending() == []
    with pytest.raises(UsageError, match="edited since: add --stale"):
        batch.mark(Selection(numbers=[2]))
    batch.mark(Selection(failed=False, stale=True))
    (work,) = batch.ledger.pending_rows(-1, 9)
    assert work.arguments == {"prompt": "new", "image_url": "https://x.y/1", "duration": "10"}
    assert work.price == 980_000
    batch.ledger.apply(work.row, states.claimed(2e9, None, work.price))
    batch.ledger.apply(work.row, states.not_sent(2e9, "no network"))
    batch.save()
    assert (batch.column("status"), batch.column("video_url")) == (["pending"], ["https://v/1"])
    assert batch.ledger.db.execute("SELECT edited FROM sheet").fetchall() == [(0,)]


def test_what_was_spent_on_a_row_is_kept_when_it_is_run_again(mixed: Sheet) -> None:
    """Its tries begin anew, its cost does not."""
    mixed.ledger.db.execute("UPDATE row SET spent = 7 WHERE id = 2")
    mixed.mark(Selection(numbers=[3]))
    mixed.ledger.apply(2, states.claimed(2e9, None, PRICE))
    mixed.ledger.apply(2, states.not_sent(2e9, "no network"))
    assert mixed.ledger.db.execute("SELECT spent, tries, attempts, kind FROM row WHERE id = 2").fetchone() == (
        7,
        0,
        1,
        None,
    )
