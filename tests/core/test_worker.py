"""Who works on a ledger, as the note in it says."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.worker import FalCounts, Worker, ordinal, read_at_fal, read_note

NOTE: dict[str, Any] = {"pid": 7, "host": "host", "since": 1.5, "born": "77"}


@pytest.mark.parametrize("born", ["77", None])
def test_a_note_is_read_as_it_was_written(born: str | None) -> None:
    """It is kept in the ledger as a text."""
    worker = Worker(7, "host", 1.5, born)
    assert read_note(worker.note) == worker


@pytest.mark.parametrize(
    "other",
    [
        *({"pid": pid} for pid in (0, -1, 2**31, True, 7.0, "7", None)),
        *({"since": since} for since in (-1, 1e300, float("nan"), "now", None)),
        *({"host": host} for host in (None, 7, [])),
        *({"born": born} for born in (7, [])),
        {"more": 1},
    ],
    ids=str,
)
def test_a_note_that_cannot_be_meant_names_nobody(other: dict[str, Any]) -> None:
    """A ledger that came with somebody's table must not have a process of this machine stopped, or all of a group."""
    assert read_note(json.dumps(NOTE)) is not None
    assert read_note(json.dumps(NOTE | other)) is None


@given(st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_other_text_names_nobody(note: str) -> None:
    assert read_note(note) is None


@pytest.mark.parametrize("note", [None, b"{}", 7])
def test_what_is_no_text_names_nobody(note: object) -> None:
    """There is none, or somebody wrote another type into the ledger."""
    assert read_note(note) is None


def test_what_is_at_fal_is_read_as_it_was_written() -> None:
    counts = FalCounts(12, 30, 8411)
    assert read_at_fal(counts.note) == counts
    assert counts.text() == "12 running, 30 waiting at fal (next is 8,412th in line)"
    assert FalCounts(1, 2, 0).text() == "1 running, 2 waiting at fal"


@pytest.mark.parametrize(
    "other", [{"running": -1}, {"waiting": True}, {"ahead": "7"}, {"ahead": 10**9}, {"more": 1}], ids=str
)
def test_counts_that_cannot_be_meant_are_none(other: dict[str, Any]) -> None:
    """The ledger may be somebody's own work."""
    assert read_at_fal(json.dumps({"running": 1, "waiting": 2, "ahead": 3} | other)) is None


@given(st.none() | st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_other_text_says_nothing_of_what_is_at_fal(note: object) -> None:
    assert read_at_fal(note) is None


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "1st"), (2, "2nd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"), (12_653, "12,653rd")],
)
def test_a_place_in_line_is_told_as_people_say_it(number: int, said: str) -> None:
    """Also at the teens, and beyond a thousand."""
    assert ordinal(number) == said
