"""The log of a ledger: whole lines, each event once, whatever struck it; it gives the state of every row."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batch.core import states
from batch.errors import UsageError
from batch.ledger.ledger import Ledger
from batch.reports.event_log import EventLog, replayed
from tests.support.simulated import ledger_of, shots
from tests.support.video_rows import succeed

HOME = Path("/home/me/shots.csv.ledger")


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = ledger_of(shots(3))
    yield ledger
    ledger.close()


def write(path: Path, ledger: Ledger) -> list[dict[str, Any]]:
    """One run's part of the log; the whole log."""
    log = EventLog(path, HOME)
    log.begin(1e9)
    log.catch_up(ledger)
    log.catch_up(ledger)
    log.close()
    return [json.loads(line) for line in path.read_text().splitlines()]


def stands(ledger: Ledger) -> dict[int, str]:
    return dict(ledger.db.execute("SELECT id, state FROM row").fetchall())


def test_every_row_and_every_event_is_a_line_once(tmp_path: Path, ledger: Ledger) -> None:
    """Over runs; times are in UTC, and the file is nobody else's."""
    path = tmp_path / "log.jsonl"
    succeed(ledger, 1, "r1", "https://v/1")
    first = write(path, ledger)
    assert [one["type"] for one in first] == ["run", "row", "row", "row", "event", "event", "event"]
    assert first[0] == {
        "v": 1,
        "type": "run",
        "ledger": str(HOME),
        "at": "2001-09-09T01:46:40.000Z",
        "pid": first[0]["pid"],
    }
    assert first[1] == {"v": 1, "type": "row", "n": 1, "row": 2, "id": "s0", "state": "pending"}
    assert first[-1] == {
        "v": 1,
        "type": "event",
        "seq": 3,
        "n": 1,
        "id": "s0",
        "old": "submitted",
        "new": "succeeded",
        "detail": None,
        "request_id": None,
        "video_url": "https://v/1",
        "row": 2,
        "at": "2001-09-09T01:47:40.000Z",
    }
    assert path.stat().st_mode & 0o777 == 0o600
    ledger.apply(2, states.claimed(2e9, None, 1))
    ledger.apply(2, states.reply_lost(2e9, "the reply was lost"))
    again = write(path, ledger)
    assert again[: len(first)] == first
    assert [(one["type"], one.get("new")) for one in again[len(first) :]] == [
        *(("run", None), ("event", "submitting"), ("event", "in_doubt")),
    ]
    assert replayed(path.read_text().splitlines()) == stands(ledger) == {1: "succeeded", 2: "in_doubt", 3: "pending"}


@pytest.mark.parametrize("kept", range(0, 1000, 37))
def test_a_log_that_was_cut_anywhere_is_gone_on_with(tmp_path: Path, ledger: Ledger, kept: int) -> None:
    """The end of a line that a kill has cut off goes; no event is lost or doubled."""
    path = tmp_path / "log.jsonl"
    for row in (1, 2):
        succeed(ledger, row, f"r{row}", f"https://v/{row}")
    whole = write(path, ledger)
    path.write_bytes(path.read_bytes()[:kept])
    found = write(path, ledger)
    assert [one["seq"] for one in found if one["type"] == "event"] == [1, 2, 3, 4, 5, 6]
    assert [one["n"] for one in found if one["type"] == "row"] == [1, 2, 3]
    assert replayed(path.read_text().splitlines()) == stands(ledger)
    assert len(found) >= len(whole)


def test_lines_hold_nothing_that_ends_one(tmp_path: Path, ledger: Ledger) -> None:
    """Whatever stands in an id or in what a service said."""
    ledger.db.execute("UPDATE row SET key = 'id:a' || char(10) || char(8232) || 'ü' WHERE id = 1")
    ledger.apply(1, states.unsendable(2e9, "bad", "one\ntwo\u2028three"))
    path = tmp_path / "log.jsonl"
    found = write(path, ledger)
    assert found[1]["id"] == "a\n\u2028ü"
    assert found[-1]["detail"] == "bad: one\ntwo\u2028three"
    assert path.read_bytes().isascii()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("my notes\n", "no log of kling-batch"),
        ('{"v": 1}\n', "no log of kling-batch"),
        ('{"v": 9, "type": "run"}\n', "another version"),
        ('{"v": 1, "type": "run", "ledger": "/other.ledger"}\n', "the log of /other.ledger: one file for each table"),
    ],
)
def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path, text: str, why: str) -> None:
    """Nothing is appended to it, and nothing taken away."""
    path = tmp_path / "log.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match=why):
        EventLog(path, HOME)
    assert path.read_text() == text


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Before anything is spent."""
    with pytest.raises(UsageError, match="cannot be written"):
        EventLog(tmp_path / "nowhere" / "log.jsonl", HOME)
    with pytest.raises(UsageError, match="cannot be written"):
        EventLog(tmp_path, HOME)


def test_what_is_no_event_of_the_ledger_stands_beside_them(tmp_path: Path) -> None:
    """Another run finds its place behind it, and tells nothing twice."""
    path, ledger = tmp_path / "log.jsonl", tmp_path / "shots.csv.ledger"
    with Ledger.open(ledger) as rows:
        for _ in range(2):
            log = EventLog(path, ledger)
            log.catch_up(rows)
            if not path.stat().st_size:
                log.begin(0.0)
            log.note("worker", 1.0, worker="w1", what="started")
            log.close()
    told = [json.loads(line) for line in path.read_text().splitlines()]
    assert [one["type"] for one in told] == ["run", "worker", "worker"]
    assert told[1] == {"v": 1, "type": "worker", "at": "1970-01-01T00:00:01.000Z", "worker": "w1", "what": "started"}
