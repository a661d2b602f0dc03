"""Whatever a command prints to be typed next is typed: through the real command, against the service played here."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.night import Ended, Night, night

NEXT = re.compile(r"^(?:\S+ \S+ )?next: (kling-batch .*?)(?:   \(.*\))?$", re.MULTILINE)
KEPT = ("--concurrency", "5", "--max-spend", "5", "--stop-after", "9", "--until", "23:59")
"""Options of a run, in the order in which they are told again."""


def nexts(ended: Ended) -> list[list[str]]:
    """The arguments of each command that is said to be next."""
    found = [match[1] for match in NEXT.finditer(f"{ended.out}\n{ended.err}")]
    return [shlex.split(one)[1:] for one in found]


def all_typed(now: Night, ended: Ended) -> list[str]:
    """Types each in its turn, in a shell's words; each is understood and has its documented end. Their commands."""
    told = nexts(ended)
    for words in told:
        typed = now.run(*words)
        assert typed.code in (0, 1, 3, 4), (words, typed)
        assert "Usage:" not in typed.err
    return [words[0] for words in told]


def put(now: Night, *rows: str) -> Path:
    path = now.folder / "my shots; 1.csv"
    path.write_text("Text,image\n" + "".join(f"{row},https://x.y/{n}.png\n" for n, row in enumerate(rows)))
    return path


FAILS = "flagged [[content_policy_violation]]"
TABLE = ("--map", "prompt=Text", "--prefix", "k ")

Way = Callable[[Night], tuple[Ended, list[str]]]
"""Brings a batch somewhere; how the command ended that is looked at, and the commands it has to name, in order."""


def left_by_a_limit(now: Night) -> tuple[Ended, list[str]]:
    return now.run("run", put(now, "a", "b"), *TABLE, *KEPT, "--limit", 1), ["run"]


def failed_and_invalid(now: Night) -> tuple[Ended, list[str]]:
    return now.run("run", put(now, "a", FAILS, "#REF!"), *TABLE, *KEPT), ["rerun", "check"]


def all_at_once(now: Night) -> tuple[Ended, list[str]]:
    shots = put(now, FAILS, "#REF!", "b", "c")
    return now.run("run", shots, *TABLE, *KEPT, "--limit", 1), ["run", "rerun", "check"]


def told_by_the_status(now: Night) -> tuple[Ended, list[str]]:
    all_at_once(now)
    return now.run("status", now.folder / "my shots; 1.csv"), ["run", "rerun", "check"]


def after_a_cancel(now: Night) -> tuple[Ended, list[str]]:
    all_at_once(now)
    return now.run("cancel", now.folder / "my shots; 1.csv"), ["run", "rerun", "check"]


def after_a_resolve(now: Night) -> tuple[Ended, list[str]]:
    all_at_once(now)
    return now.run("resolve", now.folder / "my shots; 1.csv"), ["run", "rerun", "check"]


def after_a_rerun(now: Night) -> tuple[Ended, list[str]]:
    now.run("run", put(now, FAILS, "b"), *TABLE)
    return now.run("rerun", now.folder / "my shots; 1.csv", *KEPT), ["rerun"]


def stopped_by_a_cap(now: Night) -> tuple[Ended, list[str]]:
    return now.run("run", put(now, "a", "b"), *TABLE, *KEPT, "--max-spend-total", "0.60"), ["run"]


def a_ledger_made_again(now: Night) -> tuple[Ended, list[str]]:
    all_at_once(now)
    shots = now.folder / "my shots; 1.csv"
    shots.with_name(shots.name + ".ledger").unlink()
    refused = now.run("run", shots, *TABLE)
    assert (refused.code, "`kling-batch recover " in refused.err) == (2, True)
    return now.run("recover", shots, *TABLE), ["run", "rerun", "check"]


WAYS: list[Way] = [
    left_by_a_limit,
    failed_and_invalid,
    all_at_once,
    told_by_the_status,
    after_a_cancel,
    after_a_resolve,
    after_a_rerun,
    stopped_by_a_cap,
    a_ledger_made_again,
]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_next_is_all_there_is_to_do_and_can_be_typed(way: Way, tmp_path: Path) -> None:
    """The most urgent first; the table's own options are remembered, those of the run are kept."""
    with night(tmp_path) as now:
        ended, commands = way(now)
        told = nexts(ended)
        assert [words[0] for words in told] == commands, ended
        for words in told:
            assert words[1] == str(tmp_path / "my shots; 1.csv")
            if words[0] in ("run", "rerun") and way is not a_ledger_made_again:
                assert words[2 : 2 + len(KEPT)] == list(KEPT[:4]) + words[6 : 2 + len(KEPT)], words
                assert {*KEPT} <= {*words}
        assert all_typed(now, ended) == commands
        paid = sum(now.accepted.values())
        assert paid <= 8


def test_rows_in_doubt_come_first_or_when_they_can_be_decided(tmp_path: Path) -> None:
    """With the time on their line, behind what can be done now."""
    with night(tmp_path, faults="submit:1=cut_after history=403") as now:
        shots = put(now, "a", "b", "#N/A")
        ended = now.run("run", shots, *TABLE, "--concurrency", 1, "--limit", 1)
        assert [words[0] for words in nexts(ended)] == ["run", "resolve", "check"]
        assert re.search(r"^next: kling-batch resolve .*   \(after .*\d\d:\d\d\)$", ended.err, re.MULTILINE)
        assert all_typed(now, ended) == ["run", "resolve", "check"]
        cancelled = now.run("cancel", shots)
        assert cancelled.code == 4
        assert [words[0] for words in nexts(cancelled)] == ["resolve", "check"]
        assert all_typed(now, cancelled) == ["resolve", "check"]
        assert max(now.accepted.values()) == 1


def test_what_was_bought_before_can_be_taken_over_as_it_is_said(tmp_path: Path) -> None:
    """With the caps of the run that held it."""
    with night(tmp_path) as now:
        shots = put(now, "a", "b")
        now.run("run", shots, *TABLE)
        for path in tmp_path.iterdir():
            if path.name.startswith(shots.name):
                path.unlink()
        again = put(now, "a", "b").rename(tmp_path / "again.csv")
        held = now.run("run", again, *TABLE, "--max-spend", 3)
        assert held.code == 4, held
        told = nexts(held)
        assert [words[1] for words in told] == [str(again)] * 2
        assert all({"--adopt-known", "--max-spend", "3"} <= {*words} for words in told)
        taken = now.run(*told[-1])
        assert (taken.code, nexts(taken)) == (0, []), taken
        assert sum(now.accepted.values()) == 2
