"""What our columns say of a row in each of its states."""

from collections.abc import Callable

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.states import State
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
