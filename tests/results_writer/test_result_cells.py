"""What our columns say of a row in each of its states."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.row import ResultRow
from batch.core.states import State, Status
from batch.manifest.result_columns import RESULT_COLUMNS, ResultCells
from batch.results_writer.result_cells import result_cells
from tests.support.sheets import PRICE, SHOTS, Sheet


def test_an_edited_row_says_that_it_is_stale(make: Callable[..., Sheet]) -> None:
    """With its video still beside it and what to do."""
    batch = make(SHOTS)
    batch.succeed(1)
    batch.save()
    batch.path.write_text(batch.path.read_text().replace("\na,", "\nanother,"))
    batch.read()
    batch.save()
    assert batch.column("status")[0] == "stale"
    assert batch.column("video_url")[0] == "https://v/1"
    assert "run --stale" in batch.column("error")[0]


def test_every_state_has_its_word_and_its_reason(make: Callable[..., Sheet]) -> None:
    """What may have been paid for counts as cost, and what an earlier try left behind is not shown."""
    prompts = ["pending", "submitting", "submitted", "in_doubt", "succeeded", "failed", "cancelled", "again"]
    batch = make("prompt,image\n" + "".join(f"{prompt},https://x.y/1\n" for prompt in prompts) + ",https://x.y/1\n")
    apply = batch.ledger.apply
    for row in (2, 3, 4, 8):
        apply(row, states.claimed(1e9, None, PRICE))
    for row in (3, 8):
        apply(row, states.accepted(1e9, Receipt(f"q{row}", "https://s", "https://r", "https://c")))
    apply(8, states.another_try(1e9, "internal_server_error", "broke", 0))
    apply(4, states.reply_lost(1e9, "the reply was lost"))
    batch.succeed(5)
    batch.fail(6, message="a hat")
    apply(7, states.cancelled(State.PENDING, 1e9, 0))
    batch.save()
    assert batch.column("status") == [
        *("pending", "submitted", "submitted", "in_doubt", "succeeded", "failed", "cancelled", "pending", "invalid")
    ]
    assert batch.column("error") == [
        *("", "", "", "it may have been paid for: the reply was lost", "", "a hat", "taken back", ""),
        "prompt: is empty: a row needs a text here",
    ]
    assert batch.column("error_type")[3:7] == ["reply_lost", "", "content_policy_violation", "cancelled"]
    assert batch.column("request_id") == ["", "", "q3", "", "r1", "", "", "", ""]
    assert batch.column("cost_usd") == ["", "", "", "0.49", "0.49", "0.00", "0.00", "", ""]
    assert batch.column("attempts") == ["", "1", "1", "1", "1", "1", "", "1", ""]


# The cells alone

ROW = ResultRow(
    place=0,
    problem=None,
    state=State.PENDING,
    edited=0,
    video_url=None,
    message=None,
    error_type=None,
    request_id=None,
    attempts=0,
    spent=0,
    price=PRICE,
    submitted_at=None,
    finished_at=None,
)
SENT = {"request_id": "r1", "attempts": 1, "submitted_at": 1e9}
ENDED = {**SENT, "finished_at": 1e9 + 60, "spent": PRICE}
AT = datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
END = datetime(2001, 9, 9, 1, 47, 40, tzinfo=UTC)
COST = Decimal("0.49")
WRONG = "prompt: is empty"


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        (ROW._replace(state=None, attempts=None, spent=None, price=None), ResultCells("pending")),
        (ROW, ResultCells("pending")),
        (ROW._replace(state=None, problem=WRONG), ResultCells("invalid", None, WRONG, "invalid")),
        (ROW._replace(problem=WRONG), ResultCells("invalid", None, WRONG, "invalid")),
        (ROW._replace(state=State.SUBMITTING, attempts=1), ResultCells("submitted", attempts=1)),
        (
            ROW._replace(state=State.SUBMITTED, **SENT),
            ResultCells("submitted", request_id="r1", attempts=1, submitted_at=AT),
        ),
        (
            ROW._replace(state=State.SUBMITTED, problem=WRONG, edited=1, **SENT),
            ResultCells("submitted", request_id="r1", attempts=1, submitted_at=AT),
        ),
        (
            ROW._replace(state=State.IN_DOUBT, attempts=1, error_type="reply_lost", message="cut", spent=PRICE),
            ResultCells(
                "in_doubt",
                error="it may have been paid for: cut",
                error_type="reply_lost",
                attempts=1,
                cost_usd=2 * COST,
            ),
        ),
        (
            ROW._replace(state=State.SUCCEEDED, video_url="https://v", **ENDED),
            ResultCells("succeeded", "https://v", None, None, "r1", 1, COST, AT, END),
        ),
        (
            ROW._replace(state=State.FAILED, error_type="no_media_generated", message="no", **ENDED),
            ResultCells("failed", None, "no", "no_media_generated", "r1", 1, COST, AT, END),
        ),
        (
            ROW._replace(state=State.CANCELLED, error_type="cancelled", message="taken back", finished_at=1e9),
            ResultCells("cancelled", None, "taken back", "cancelled", cost_usd=Decimal(0), finished_at=AT),
        ),
    ],
)
def test_each_status_shows_what_is_known_and_nothing_else(row: ResultRow, cells: ResultCells) -> None:
    """What ended shows its cost, also where it is nothing; what may be paid for counts its price."""
    assert result_cells(row) == cells


def test_a_stale_row_says_what_to_do_or_what_is_wrong() -> None:
    """Its video stays beside it either way."""
    row = ROW._replace(state=State.SUCCEEDED, video_url="https://v", edited=1, **ENDED)
    told = result_cells(row)
    assert (told.status, told.video_url, told.error_type) == ("stale", "https://v", "stale")
    assert "`run --stale` buys a new one" in (told.error or "")
    wrong = result_cells(row._replace(problem=WRONG))
    assert (wrong.status, wrong.video_url) == ("stale", "https://v")
    assert (wrong.error or "").endswith(f"cannot be run: {WRONG}")


def test_what_an_earlier_try_left_behind_is_not_shown_on_a_row_that_waits() -> None:
    """Its request and its failure are history; what it has cost is not."""
    row = ROW._replace(attempts=1, spent=PRICE, request_id="r1", error_type="internal_server_error", message="broke")
    assert result_cells(row) == ResultCells("pending", attempts=1, cost_usd=COST)


@given(
    st.builds(
        ResultRow,
        place=st.integers(0, 9),
        problem=st.none() | st.just(WRONG),
        state=st.none() | st.sampled_from([*map(str, State)]),
        edited=st.sampled_from([0, 1]),
        video_url=st.none() | st.just("https://v"),
        message=st.none() | st.just("why"),
        error_type=st.none() | st.just("kind"),
        request_id=st.none() | st.just("r1"),
        attempts=st.none() | st.integers(0, 9),
        spent=st.none() | st.integers(0, 10**9),
        price=st.none() | st.integers(0, 10**7),
        submitted_at=st.none() | st.floats(0, 4e9),
        finished_at=st.none() | st.floats(0, 4e9),
    )
)
def test_whatever_the_ledger_holds_can_be_shown(row: ResultRow) -> None:
    """Money to the millionth, times to the second, a cell for each column, and no reason where nothing is wrong."""
    cells = result_cells(row)
    assert len(cells) == len(RESULT_COLUMNS)
    assert cells.status in set(Status)
    assert (cells.cost_usd or 0) * 1_000_000 == (row.spent or 0) + (
        (row.price or 0) if cells.status == Status.IN_DOUBT else 0
    )
    assert all(
        time is None or (time.microsecond, time.tzinfo) == (0, UTC) for time in (cells.submitted_at, cells.finished_at)
    )
    if cells.status in (Status.PENDING, Status.SUBMITTED, Status.SUCCEEDED):
        assert (cells.error, cells.error_type) == (None, None)
