"""Who works on a ledger, as the note in it says."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.worker import Worker, read_note

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
