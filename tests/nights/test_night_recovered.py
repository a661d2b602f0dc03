"""Killed runs whose ledger or log is gone then: real processes, fal's client, nothing bought twice."""

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.night import Night, kill, ledger, night, statuses, table, until

ROWS = 6
UNDER_WAY = "SELECT 1 FROM row WHERE state = 'submitted'"


def killed(now: Night) -> Path:
    """A run that was killed with four requests at fal, and nothing in the table yet."""
    shots = now.manifest(ROWS)
    child = now.start("run", shots, "--concurrency", 4)
    until(lambda: now.asked("submit") >= 4 and len(ledger(shots, UNDER_WAY)) >= 4, child)
    kill(child)
    assert Path(f"{shots}.ledger-wal").stat().st_size
    return shots


def removed(log: Path) -> None:
    log.unlink()


def emptied(log: Path) -> None:
    log.write_bytes(b"")


@pytest.mark.parametrize("harm", [removed, emptied])
def test_a_killed_run_without_its_log_is_refused_and_recovered(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """`run`, `check` and `status` say it and change nothing; `recover` finds at fal what was bought."""
    with night(tmp_path, run_seconds=1.0) as now:
        shots = killed(now)
        harm(Path(f"{shots}.ledger-wal"))
        Path(f"{shots}.ledger-shm").unlink()
        before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
        for command in ("run", "check", "status"):
            ended = now.run(command, shots)
            assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
            assert "its log shots.csv.ledger-wal" in ended.err
            assert f"`kling-batch recover {shlex.quote(str(shots))}`" in ended.err
        assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
        recovered = now.run("recover", shots)
        assert recovered.code == 3, recovered.err
        assert "4 rows found and taken over" in recovered.out
        assert now.run("run", shots).code == 0
        assert now.accepted == {f"prompt {n}": 1 for n in range(ROWS)}
        assert all(now.videos[row["request_id"]] == row["prompt"] for row in table(shots))


def test_a_killed_run_without_its_ledger_takes_over_what_the_accounts_book_knows(tmp_path: Path) -> None:
    """The two rows that were never sent are bought; the four that were cost nothing more."""
    with night(tmp_path, run_seconds=0.5) as now:
        shots = killed(now)
        for end in ("", "-wal", "-shm"):
            Path(f"{shots}.ledger{end}").unlink()
        now.manifest(ROWS)  # without what the run wrote into it
        again = now.run("run", shots)
        assert again.code == 0, again.err
        assert "4 rows (2, 3, 4, 5) had been bought before" in again.err
        assert now.accepted == {f"prompt {n}": 1 for n in range(ROWS)}
        assert all(now.videos[row["request_id"]] == row["prompt"] for row in table(shots))


def test_a_killed_run_without_its_ledger_and_book_holds_what_fal_knows(tmp_path: Path) -> None:
    """The two rows that were never sent are bought; the four that were wait for a word, and cost nothing more."""
    with night(tmp_path, run_seconds=0.5) as now:
        shots = killed(now)
        for end in ("", "-wal", "-shm"):
            Path(f"{shots}.ledger{end}").unlink()
        shutil.rmtree(f"{tmp_path}.state")
        now.manifest(ROWS)  # without what the run wrote into it
        held = now.run("run", shots)
        assert held.code == 4, held.err
        assert "4 rows for $1.96 seem to have been bought before" in held.err
        assert statuses(shots) == {"in_doubt": 4, "succeeded": 2}
        assert now.run("run", shots, "--adopt-known").code == 0
        assert now.accepted == {f"prompt {n}": 1 for n in range(ROWS)}
        assert all(now.videos[row["request_id"]] == row["prompt"] for row in table(shots))


def test_a_deleted_ledger_is_missed_whatever_the_options_are(tmp_path: Path) -> None:
    """A prefix or another file for the results buys nothing; nor does asking without a key, nor both words at once."""
    with night(tmp_path) as now:
        shots = now.manifest(3)
        assert now.run("run", shots).code == 0
        Path(f"{shots}.ledger").unlink()
        for options in ((), ("--prefix", "new_"), ("--output", "out.csv"), ("--prefix", "k_", "--output", "out.csv")):
            ended = now.run("run", shots, *options)
            assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
            assert "recover" in ended.err
            assert "--prefix" not in ended.err
        assert now.run("check", shots, "--prefix", "new_").code == 2
        assert now.run("run", shots, "--adopt-known", "--buy-again").code == 2
        recovered = now.run("recover", shots, more={"FAL_KEY": ""})
        assert recovered.code == 0, recovered.err
        assert now.run("run", shots, "--prefix", "new_").code == 0
        assert now.accepted == {f"prompt {n}": 1 for n in range(3)}


def test_the_question_is_played_by_the_sandbox(tmp_path: Path) -> None:
    """Its folder kept and the ledger in it deleted: the rehearsal holds what it has rendered, and takes it over."""
    now = Night(tmp_path)
    shots = now.manifest(2)
    shots.write_text(shots.read_text().replace("https://example.com/0.png", "https://example.com/1.png"))
    assert now.run("run", shots, "--sandbox").code == 0
    (tmp_path / "shots.csv.sandbox" / "ledger").unlink()
    held = now.run("run", shots, "--sandbox")
    assert held.code == 4, held.err
    assert "seem to have been bought before" in held.err
    assert now.run("run", shots, "--sandbox", "--adopt-known").code == 0
    assert statuses(tmp_path / "shots.sandbox.csv") == {"succeeded": 2}
