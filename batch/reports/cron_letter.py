"""Writes the letter of a run that nobody watched, where something changed, and finds its exit code."""

from dataclasses import replace

from batch.core.plain_text import one_line
from batch.core.states import State
from batch.errors import Exit
from batch.ledger.news import News
from batch.reports.outcome import Outcome, counted

ALARMING = frozenset({"locked", "failures", "http_401", "http_402", "http_403"})
"""Why a run stops that only a person can mend: said every time."""


def exit_code_of(outcome: Outcome, news: News) -> Exit:
    """Of this run: rows that failed in an earlier one, and were told of, are no alarm any more."""
    code = outcome.exit_code
    if code is not Exit.ROWS_FAILED:
        return code
    new = news.invalid or any(news.rows.get(one) for one in (State.FAILED, State.CANCELLED))
    return Exit.ROWS_FAILED if new else Exit.DONE


def letter(outcome: Outcome, news: News) -> str | None:
    """A short text where rows have ended, failed for the first time, or need a person; else None."""
    if not (news.any or outcome.unwritten or outcome.stop_code in ALARMING):
        return None
    lines = [f"this time: {_counts(news)}" if news.rows else "this time no row ended"]
    told = replace(outcome, standing=replace(outcome.standing, failures=list(news.failures)))
    text = told.text()
    rest = outcome.next_command  # also for what failed earlier
    more = [f"next: {rest}"] if rest and not told.next_command else []
    return "\n".join([*map(one_line, lines), text, *map(one_line, more)])


def _counts(news: News) -> str:
    words = {State.SUCCEEDED: "with a video", State.FAILED: "failed", State.CANCELLED: "cancelled"}
    parts = [f"{counted(news.rows[one])} {word}" for one, word in words.items() if news.rows.get(one)]
    doubts = news.rows.get(State.IN_DOUBT)
    return ", ".join([*parts, *([f"{counted(doubts)} in doubt"] if doubts else [])])
