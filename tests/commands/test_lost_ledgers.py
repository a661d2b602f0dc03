"""A ledger that is gone or old, whatever is lost, and wherever results stood: nothing is bought twice."""

import os
import shutil
import sqlite3
from contextlib import closing
from itertools import product
from pathlib import Path

import pytest

from batch.core.run_options import RunOptions
from batch.errors import Exit
from tests.support.shared_night import SharedNight

ROWS = 6
ADOPT = RunOptions(adopt_known=True)


def deleted(_: SharedNight, shots: Path, __: Path) -> Path:
    Path(f"{shots}.ledger").unlink()
    return shots


def without_log(now: SharedNight, shots: Path, kept: Path) -> Path:
    """As a kill in mid-run would leave it, but for its log."""
    for name in (shots.name, f"{shots.name}.ledger"):
        shutil.copy(kept / name, shots.parent)
    return shots


def put_back(now: SharedNight, shots: Path, kept: Path) -> Path:
    """Table and ledger of four finished rows, or of less than that."""
    for path in (kept / "early").iterdir():
        shutil.copy(path, shots.parent)
    # As if it had been put there ten seconds after it was closed: on the mock clock it is the same moment.
    with closing(sqlite3.connect(f"{shots}.ledger")) as db, db:
        db.execute("UPDATE meta SET value = CAST(value AS REAL) - 10 WHERE name = 'closed'")
    return shots


def renamed(_: SharedNight, shots: Path, __: Path) -> Path:
    return shots.rename(shots.with_name("renamed.csv"))


def linked(_: SharedNight, shots: Path, __: Path) -> Path:
    (shots.parent / "elsewhere").mkdir()
    os.link(shots, shots.parent / "elsewhere" / shots.name)
    return shots.parent / "elsewhere" / shots.name


LOSSES = {one.__name__: one for one in (deleted, without_log, put_back, renamed, linked)}
PREFIXES = {"no prefix": ("", ""), "the same prefix": ("k_", "k_"), "another prefix": ("", "k_"), "none": ("k_", "")}
OUTPUTS = {
    "no output": (None, None),
    "the same": ("out.csv", "out.csv"),
    "another": (None, "out.csv"),
    "none": ("a.csv", None),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("prefix", "output"), list(product(PREFIXES, OUTPUTS)))
def test_no_row_is_bought_a_second_time(now: SharedNight, loss: str, prefix: str, output: str) -> None:
    """Whatever is lost, and wherever results stood and go: refused, held, or taken over, by `run` and by `recover`."""
    (before, after), (first, second) = PREFIXES[prefix], OUTPUTS[output]
    shots, kept = now.table(ROWS), now.folder / "kept"
    (kept / "early").mkdir(parents=True)

    def copy(nth: int) -> None:
        if nth == 3:
            for path in (shots, Path(f"{shots}.ledger")):
                shutil.copy(path, kept)

    now.on_submit = copy
    target = now.folder / first if first else None
    assert now.run(shots, prefix=before, output=target, options=RunOptions(limit=4, concurrency=1)) == 3
    for path in (shots, Path(f"{shots}.ledger")):
        shutil.copy(path, kept / "early")
    now.on_submit = lambda _: None
    assert now.run(shots, prefix=before, output=target) == 0
    table = LOSSES[loss](now, shots, kept)
    target = now.folder / second if second else None
    for options in (None, None, ADOPT):
        code = now.run(table, prefix=after, output=target, options=options)
        assert set(now.accepted.values()) == {1}, now.said
        if any("by other names" in line for line in now.said):
            assert code == Exit.UNUSABLE
            after = before
    if code == Exit.UNUSABLE:
        assert "recover" in now.said[0] or "rename its ledger" in now.said[0]
        assert now.recover(table, prefix=after, output=target) in (0, 3), now.said
        assert now.run(table, prefix=after, output=target) == 0, now.said
    assert code in (0, 2)
    assert now.accepted == {f"shot {n}": 1 for n in range(ROWS)}
