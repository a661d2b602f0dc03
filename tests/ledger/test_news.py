"""What is new to a person who was told of an earlier run."""

from batch.core import states
from batch.core.gateway import Receipt
from batch.core.states import State
from batch.ledger.ledger import Ledger
from batch.ledger.news import Told, begin_telling, note_told, read_news, read_told
from tests.support.sheets import PRICE


def a_ledger(rows: int = 4) -> Ledger:
    ledger = Ledger.in_memory()
    for place in range(rows):
        ledger.db.execute(
            "INSERT INTO row (key, place, fingerprint, arguments, price, changed_at) VALUES (?, ?, x'', '{}', ?, 0)",
            (f"id:{place}", place, PRICE),
        )
        ledger.db.execute("INSERT INTO sheet VALUES (?, ?, ?, 0, NULL)", (place, place + 2, place + 1))
    return ledger


def succeed(ledger: Ledger, row: int) -> None:
    ledger.apply(row, states.claimed(1.0, None, PRICE))
    ledger.apply(row, states.accepted(2.0, Receipt(f"r{row}", "https://s", "https://r", "https://c")))
    ledger.apply(row, states.succeeded(3.0, "{}", "https://v", PRICE))


def test_only_what_ended_since_is_news() -> None:
    """With the failures by kind, as a letter shows them."""
    ledger = a_ledger()
    ledger.apply(1, states.unsendable(1.0, "old", "before"))
    told = begin_telling(ledger)
    assert not read_news(ledger, told).any
    succeed(ledger, 2)
    ledger.apply(3, states.unsendable(1.0, "new", "since"))
    news = read_news(ledger, told)
    assert news.rows == {State.SUCCEEDED: 1, State.FAILED: 1}
    assert [(one.error_type, one.rows, one.example_row) for one in news.failures] == [("new", 1, 4)]
    note_told(ledger, news.upto)
    assert begin_telling(ledger) == news.upto
    assert not read_news(ledger, news.upto).any


def test_a_row_is_told_of_as_it_is_now() -> None:
    """One that came to be in doubt and was found since is no doubt."""
    ledger = a_ledger()
    told = begin_telling(ledger)
    ledger.apply(1, states.claimed(1.0, None, PRICE))
    ledger.apply(1, states.reply_lost(2.0, "cut"))
    assert read_news(ledger, told).rows == {State.IN_DOUBT: 1}
    ledger.apply(1, states.given_up(3.0, "left", PRICE))
    assert read_news(ledger, told).rows == {State.FAILED: 1}


def test_rows_that_cannot_be_run_are_news_until_they_were_told_of() -> None:
    """Others than before are news again, also where they are as many."""
    ledger = a_ledger(1)
    told = begin_telling(ledger)
    ledger.db.execute("INSERT INTO sheet VALUES (1, 3, NULL, 0, 'prompt: is empty')")
    news = read_news(ledger, told)
    assert news.invalid
    assert not read_news(ledger, news.upto).invalid
    ledger.db.execute("UPDATE sheet SET problem = 'image: is not there' WHERE place = 1")
    assert read_news(ledger, news.upto).invalid
    ledger.db.execute("DELETE FROM sheet WHERE place = 1")
    assert not read_news(ledger, news.upto).invalid


def test_the_same_stop_is_news_once() -> None:
    """Another one is."""
    ledger = a_ledger()
    news = read_news(ledger, begin_telling(ledger), "budget")
    assert news.stopped
    assert not read_news(ledger, news.upto, "budget").stopped
    assert read_news(ledger, news.upto, "deadline").stopped
    assert not read_news(ledger, news.upto, None).stopped


def test_what_nobody_was_told_of_yet_is_not_noted() -> None:
    """Nor is a note that cannot be read."""
    ledger = a_ledger()
    assert read_told(ledger) is None
    ledger.set_meta("told", '{"seq": "x"}')
    assert read_told(ledger) is None
    note_told(ledger, Told(3, "", None))
    assert read_told(ledger) == Told(3, "", None)
