"""The book and the ledger brought together: copies, ledgers put back, runs without a book."""

import shutil
from pathlib import Path

from tests.support.night import Night, kill, statuses, table, until
from tests.support.own_night import own_night  # noqa: F401 - a fixture


def test_a_ledger_that_is_put_back_takes_over_what_was_bought_since(now: Night) -> None:
    shots = now.manifest(6)
    assert now.run("run", shots, "--limit", 2).code == 3
    kept = {path: path.read_bytes() for path in (shots, Path(f"{shots}.ledger"))}
    assert now.run("run", shots).code == 0
    for path, content in kept.items():
        path.write_bytes(content)
    again = now.run("run", shots)
    assert again.code == 0, again.err
    assert "had been bought" in again.err
    assert "nothing was paid" in again.err
    assert now.accepted == {f"prompt {n}": 1 for n in range(6)}
    assert all(now.videos[row["request_id"]] == row["prompt"] for row in table(shots))


def test_a_copy_of_a_ledger_that_was_run_since_buys_nothing(now: Night) -> None:
    shots = now.manifest(3)
    assert now.run("run", shots, "--limit", 1).code == 3
    copies = now.folder / "copies"
    copies.mkdir()
    copy = copies / shots.name
    for end in ("", ".ledger"):
        shutil.copyfile(f"{shots}{end}", f"{copy}{end}")
    assert now.run("run", shots).code == 0
    refused = now.run("run", copy)
    assert refused.code == 2, refused.err
    assert f"is a copy of {shots}.ledger, which was run since" in refused.err
    assert now.accepted == {f"prompt {n}": 1 for n in range(3)}
    own = now.run("run", copy, "--own-table")
    assert own.code == 0, own.err
    assert now.accepted == {"prompt 0": 1, "prompt 1": 2, "prompt 2": 2}
    assert now.run("run", shots).code == now.run("run", copy).code == 0


def test_a_table_that_is_moved_with_its_ledger_goes_on(now: Night) -> None:
    shots = now.manifest(3)
    assert now.run("run", shots, "--limit", 1).code == 3
    home = now.folder / "elsewhere"
    home.mkdir()
    for end in ("", ".ledger"):
        Path(f"{shots}{end}").rename(home / f"{shots.name}{end}")
    assert now.run("run", home / shots.name).code == 0
    assert now.accepted == {f"prompt {n}": 1 for n in range(3)}


def test_a_run_killed_in_mid_air_leaves_no_row_to_buy_again_without_its_ledger(now: Night) -> None:
    """The ledger and its log are gone, and the table is the bare one again."""
    shots = now.manifest(4)
    bare = shots.read_text()
    child = now.start("run", shots, "--concurrency", 4)
    until(lambda: now.asked("submit") == 4, child)
    kill(child)
    for end in ("", "-wal", "-shm"):
        Path(f"{shots}.ledger{end}").unlink(missing_ok=True)
    refused = now.run("run", shots)
    assert refused.code == 2, refused.err
    assert "`kling-batch recover`" in refused.err
    shots.write_text(bare)
    assert now.run("run", shots).code in (0, 4)
    assert set(now.accepted.values()) == {1}
    assert set(statuses(shots)) <= {"succeeded", "in_doubt"}


def test_a_lost_book_is_made_again_from_the_ledgers(now: Night) -> None:
    shots = now.manifest(3)
    assert now.run("run", shots, "--limit", 2).code == 3
    shutil.rmtree(f"{now.folder}.state")
    assert now.run("run", shots).code == 0
    assert "for 3 requests" in now.run("account").out
    assert now.accepted == {f"prompt {n}": 1 for n in range(3)}


def test_what_was_bought_without_a_book_stands_in_it_later(now: Night) -> None:
    """One row is under way when the book is away, and ends without it: it can be run again, and is bought once."""
    shots = now.manifest(2)
    child = now.start("run", shots, "--concurrency", 2)
    until(lambda: now.asked("submit") == 2, child)
    kill(child)
    state, away = Path(f"{now.folder}.state"), Path(f"{now.folder}.away")
    state.rename(away)
    state.write_text("no folder")
    while now.run("run", shots).code != 0:
        pass
    state.unlink()
    away.rename(state)
    shots.write_text(shots.read_text().replace("prompt 0", "another"))
    ended = now.run("run", shots, "--stale")
    assert ended.code == 0, ended.err
    told = now.run("account").out
    assert "$1.47 for 3 requests" in told
    assert "under way" not in told
    assert now.accepted == {"prompt 0": 1, "prompt 1": 1, "another": 1}


def test_a_book_that_is_put_back_learns_from_the_ledger(now: Night) -> None:
    shots = now.manifest(3)
    assert now.run("run", shots, "--limit", 1).code == 3
    shutil.copytree(f"{now.folder}.state", f"{now.folder}.kept")
    assert now.run("run", shots, "--limit", 1).code == 3
    shutil.rmtree(f"{now.folder}.state")
    Path(f"{now.folder}.kept").rename(f"{now.folder}.state")
    assert now.run("run", shots).code == 0
    assert "$1.47 for 3 requests" in now.run("account").out
    assert now.accepted == {f"prompt {n}": 1 for n in range(3)}
