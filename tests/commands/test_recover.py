"""`recover`: the ledger made again from what the table shows and fal lists; nothing is paid, nothing is guessed."""

import csv
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from batch.commands.rerun import Selection
from batch.core.run_options import RunOptions
from batch.errors import Exit
from tests.support.shared_night import SharedNight

IMAGE = "https://example.com/a.png"


def shown(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def ledger(shots: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{shots}.ledger")) as db:
        return db.execute(query).fetchall()


def test_rows_come_back_with_video_request_and_cost(now: SharedNight) -> None:
    """The table of the next run is the one before the loss, byte for byte, and no request is sent."""
    shots = now.table(4)
    assert now.run(shots) == 0
    before = shots.read_bytes()
    Path(f"{shots}.ledger").unlink()
    asked = now.listings
    assert now.recover(shots) == 0
    assert now.listings == asked  # nothing is left to be bought, so nobody is asked
    assert any("4 succeeded taken over" in line for line in now.said)
    assert ledger(shots, "SELECT spent, under_way FROM money") == [(4 * 490_000, 0)]
    assert now.run(shots) == 0
    assert shots.read_bytes() == before
    assert set(now.accepted.values()) == {1}


def test_what_is_under_way_is_followed_home(now: SharedNight) -> None:
    """A request without an end in the table goes on as submitted."""
    shots = now.table(3)
    assert now.run(shots) == 0
    first = shown(shots)[0]
    shots.write_text(shots.read_text().replace(f"succeeded,{first['video_url']}", "submitted,"))
    Path(f"{shots}.ledger").unlink()
    assert now.run(shots) == Exit.UNUSABLE
    assert now.recover(shots) == 3
    assert now.run(shots) == 0
    assert now.accepted == {f"shot {n}": 1 for n in range(3)}


def test_failed_and_cancelled_rows_wait_for_rerun_as_before(now: SharedNight) -> None:
    """With their reason and what they have cost."""
    shots = now.table(2)
    assert now.run(shots) == 0
    text = shots.read_text()
    first = shown(shots)[0]
    text = text.replace(f"succeeded,{first['video_url']},,,", "failed,,no cats,content_policy_violation,", 1)
    shots.write_text(text)
    Path(f"{shots}.ledger").unlink()
    assert now.recover(shots) == Exit.ROWS_FAILED
    assert now.run(shots) == Exit.ROWS_FAILED
    assert [row["status"] for row in shown(shots)] == ["failed", "succeeded"]
    assert shown(shots)[0]["error"] == "no cats"
    assert set(now.accepted.values()) == {1}


def test_a_row_in_doubt_stays_with_a_person(now: SharedNight) -> None:
    """Nothing but the word in the table is known of it, and fal lists nothing: not bought, not forgotten."""
    shots = now.table(2)
    now.on_submit = lambda nth: "lost" if nth == 1 else None
    now.unreadable = True
    assert now.run(shots, options=RunOptions(concurrency=1)) == Exit.IN_DOUBT
    Path(f"{shots}.ledger").unlink()
    assert now.run(shots) == Exit.UNUSABLE
    assert now.recover(shots) == Exit.IN_DOUBT
    now.unreadable = False
    assert now.run(shots) == Exit.IN_DOUBT
    assert set(now.accepted.values()) == {1}


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("output", [True, False])
def test_a_stale_row_stays_stale(now: SharedNight, ids: bool, output: bool) -> None:
    """Its text was edited after its video was made: the video is kept, the new text not bought."""
    shots = now.table(2, ids=ids)
    where = {"output": now.folder / "out.csv"} if output else {}
    assert now.run(shots, **where) == 0
    shots.write_text(shots.read_text().replace("shot 1", "edited"))
    now.run(shots, **where)
    bought = now.accepted
    Path(f"{shots}.ledger").unlink()
    now.recover(shots, **where)
    now.run(shots, **where)
    assert now.accepted == bought
    assert all(row["video_url"] for row in shown(where.get("output", shots)))


def test_a_ledger_from_before_some_purchases_learns_of_them(now: SharedNight) -> None:
    """Put back from a copy of two finished rows: the four bought since are taken over, the old two left alone."""
    shots = now.table(6)
    assert now.run(shots, options=RunOptions(limit=2)) == 3
    shutil.copy(f"{shots}.ledger", now.folder / "kept")
    assert now.run(shots) == 0
    before = shots.read_bytes()
    shutil.copy(now.folder / "kept", f"{shots}.ledger")
    assert now.run(shots) == Exit.UNUSABLE
    assert "`kling-batch recover " in now.said[0]
    assert "--prefix" not in now.said[0]
    assert now.recover(shots) == 0
    assert now.run(shots) == 0
    assert shots.read_bytes() == before
    assert set(now.accepted.values()) == {1}


def test_a_row_that_was_run_again_has_its_last_video(now: SharedNight) -> None:
    """The old ledger has the video before it; both requests stay on record, and the cost is that of both."""
    shots = now.table(1)
    assert now.run(shots) == 0
    shutil.copy(f"{shots}.ledger", now.folder / "kept")
    shots.write_text(shots.read_text().replace("shot 0", "another"))
    assert now.run(shots, mark=Selection(failed=False, stale=True).mark) == 0
    last = shown(shots)[0]
    shutil.copy(now.folder / "kept", f"{shots}.ledger")
    assert now.recover(shots) == 0
    assert now.run(shots) == 0
    assert shown(shots)[0] == last
    assert ledger(shots, "SELECT COUNT(*) FROM request") == [(2,)]
    assert now.accepted == {"shot 0": 1, "another": 1}


def test_a_ledger_that_can_be_used_is_not_made_again(now: SharedNight) -> None:
    """It says so, and nothing changes."""
    shots = now.table(2)
    assert now.run(shots) == 0
    before = Path(f"{shots}.ledger").read_bytes()
    assert now.recover(shots) == Exit.UNUSABLE
    assert "nothing to recover" in now.said[0]
    assert Path(f"{shots}.ledger").read_bytes() == before
    assert sorted(path.name for path in now.folder.iterdir() if "ledger" in path.name) == [
        "shots.csv.ledger",
        "shots.csv.ledger.lock",
    ]


def test_the_ledger_that_was_there_is_kept(now: SharedNight) -> None:
    """Damaged as it is: somebody may mend it."""
    shots = now.table(2)
    assert now.run(shots) == 0
    Path(f"{shots}.ledger").write_bytes(b"noise" * 1000)
    assert now.recover(shots) == 0
    assert Path(f"{shots}.ledger.lost-1").read_bytes() == b"noise" * 1000
    assert now.run(shots) == 0
    assert set(now.accepted.values()) == {1}


def test_records_that_cannot_be_read_leave_the_question_to_the_next_run(now: SharedNight) -> None:
    """Rows without a result may have been bought all the same: they are asked for before they are bought."""
    shots = now.table(2)
    given = shots.read_bytes()
    assert now.run(shots) == 0
    Path(f"{shots}.ledger").unlink()
    shots.write_bytes(given)
    now.unreadable = True
    assert now.recover(shots) == 3
    assert any("the next run asks before it buys" in line for line in now.said)
    now.unreadable = False
    assert now.run(shots) == Exit.IN_DOUBT
    assert set(now.accepted.values()) == {1}


def test_rows_that_only_fal_knows_are_taken_over(now: SharedNight) -> None:
    """Nothing stands in the table yet; its records have all of it."""
    shots = now.table(3)
    given = shots.read_bytes()
    assert now.run(shots) == 0
    Path(f"{shots}.ledger").unlink()
    shots.write_bytes(given)
    assert now.recover(shots) == 3
    assert any("3 rows found and taken over" in line for line in now.said)
    assert now.run(shots) == 0
    assert set(now.accepted.values()) == {1}


def test_what_is_made_again_is_as_private_as_the_table(now: SharedNight) -> None:
    """The new ledger, and the one that is kept."""
    shots = now.table(2)
    shots.chmod(0o600)
    assert now.run(shots) == 0
    for harm in (Path.unlink, lambda path: path.write_bytes(b"noise" * 1000)):
        harm(Path(f"{shots}.ledger"))
        assert now.recover(shots) == 0
    kept = [path for path in now.folder.iterdir() if ".ledger" in path.name and not path.name.endswith(".lock")]
    assert {path.name: path.stat().st_mode & 0o777 for path in kept} == {
        "shots.csv.ledger": 0o600,
        "shots.csv.ledger.lost-1": 0o600,
    }
