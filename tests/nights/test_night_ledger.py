"""Ledgers that were cut, damaged, taken away, swapped or copied: a clear line or a right run, nothing bought twice."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.support.night import Night, end, kill, ledger, night, statuses, together, until

UNDER_WAY = "SELECT 1 FROM row WHERE state = 'submitted'"
BOUGHT = {f"prompt {n}": 1 for n in range(3)}


def half_done(now: Night) -> Path:
    """Six rows, three of them bought."""
    shots = now.manifest(6)
    assert now.run("run", shots, "--limit", 3).code == 3
    assert now.accepted == BOUGHT
    return shots


def copied(shots: Path, name: str) -> Path:
    """The table and all that stands beside it, in another folder."""
    folder = shots.parent / name
    folder.mkdir()
    for path in shots.parent.glob(f"{shots.name}*"):
        if not path.name.endswith(("-shm", ".lock")):
            shutil.copy(path, folder)
    return folder / shots.name


def cut(share: float) -> Callable[[Path], None]:
    def do(path: Path) -> None:
        whole = path.read_bytes()
        path.write_bytes(whole[: min(len(whole) - 1, int(len(whole) * share))])

    return do


def sealed(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + bytes(100))


UNUSABLE: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "0 bytes": cut(0.0),
    "a few bytes": cut(0.001),
    "a third": cut(0.3),
    "two thirds": cut(0.7),
    "a byte less": cut(1.0),
    "a text": lambda path: path.write_text("these are my notes\n" * 100),
    "a header and no more": sealed,
    "noise": lambda path: path.write_bytes(random.Random(1).randbytes(40_000)),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


def test_a_ledger_that_cannot_be_used_is_refused_in_a_line_and_nothing_is_spent(tmp_path: Path) -> None:
    """Exit 2, the ledger or what it no longer knows is named; table and ledger are left as they were."""
    with night(tmp_path) as now, together() as children:
        shots = half_done(now)
        given = shots.read_bytes()
        found = {}
        for number, (what, harm) in enumerate(UNUSABLE.items()):
            copy = copied(shots, str(number))
            harm(path := Path(f"{copy}.ledger"))
            found[what] = (copy, path.read_bytes() if path.is_file() else None)
            children.append(now.start("run", copy))
        for child, (what, (copy, ledger_bytes)) in zip(children, found.items(), strict=True):
            ended = end(child)
            assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1), (what, ended.err)
            assert ended.err.startswith("kling-batch: ")
            assert "ledger" in ended.err, (what, ended.err)
            assert copy.read_bytes() == given, what
            path = Path(f"{copy}.ledger")
            assert (path.read_bytes() if path.is_file() else None) == ledger_bytes, what
        assert now.accepted == BOUGHT


DAMAGES = 12


def test_damage_at_any_place_buys_nothing_again(tmp_path: Path) -> None:
    """Sixteen bytes overwritten anywhere: refused, or run to an end in which no row that has its video is bought."""
    with night(tmp_path) as now, together() as children:
        shots = half_done(now)
        whole = Path(f"{shots}.ledger").read_bytes()
        for seed in range(DAMAGES):
            rand = random.Random(seed)
            copy = copied(shots, str(seed))
            at = rand.randrange(100, len(whole) - 16)
            Path(f"{copy}.ledger").write_bytes(whole[:at] + rand.randbytes(16) + whole[at + 16 :])
            children.append(now.start("run", copy))
        codes = [end(child).code for child in children]
        assert set(codes) <= {0, 2, 3}
        assert {prompt: now.accepted[prompt] for prompt in BOUGHT} == BOUGHT
        assert all(now.accepted[f"prompt {n}"] <= DAMAGES - codes.count(2) for n in range(3, 6))


def test_the_ledger_of_another_table_is_refused(tmp_path: Path) -> None:
    """It does not know the results that stand in this one."""
    with night(tmp_path) as now:
        shots = half_done(now)
        other = now.manifest(2, name="other.csv", prompt="other {}".format)
        assert now.run("run", other).code == 0
        shutil.copy(f"{other}.ledger", f"{shots}.ledger")
        before, given = now.asked("submit"), shots.read_bytes()
        ended = now.run("run", shots)
        assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
        assert "was not written by this table's ledger" in ended.err
        assert (now.asked("submit"), shots.read_bytes()) == (before, given)


def test_a_whole_copy_of_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    """Table, ledger and log moved to another folder: what is under way is collected, the rest is bought once."""
    with night(tmp_path, run_seconds=1.0) as now:
        shots = now.manifest(6)
        child = now.start("run", shots, "--concurrency", 4)
        until(lambda: now.asked("submit") == 4 and len(ledger(shots, UNDER_WAY)) == 4, child)
        kill(child)
        copy = copied(shots, "copy")
        assert now.run("run", copy).code == 0
        assert statuses(copy) == {"succeeded": 6}
        assert now.accepted == {f"prompt {n}": 1 for n in range(6)}
