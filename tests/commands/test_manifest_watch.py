"""A row that is deleted or edited before its submit is not bought in its old form; the summary is of what is there."""

from pathlib import Path

from anyio import current_time

from batch.commands.manifest_watch import PATIENCE, ManifestWatch
from batch.core.row import PendingRow
from batch.dispatch.stopping import Stop
from batch.manifest.loader import Manifest
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.night import end, ledger, night, table, until
from tests.support.simulated import play

ROWS = 12


def test_rows_deleted_and_edited_before_their_submit_are_not_bought_as_they_were(tmp_path: Path) -> None:
    """Deleted: not bought, pending with no place. Edited and new: left for the next run, which buys the new form."""
    with night(tmp_path, slots=1, run_seconds=0.4) as now:
        shots = now.manifest(ROWS)
        child = now.start("run", shots, "--concurrency", 1)
        until(lambda: now.asked("submit") >= 2, child)
        header, *rows = shots.read_text().splitlines()
        assert len(rows) == ROWS
        rows = [row.replace("prompt 9", "prompt 9 edited") for row in rows if not row.startswith(("r8,", "r11,"))]
        rows.append("r99,prompt 99,https://example.com/99.png,new")
        shots.write_text("\n".join([header, *rows, ""]))
        ended = end(child)
        kept = [f"prompt {n}" for n in range(ROWS) if n not in (8, 9, 11)]
        assert now.accepted == dict.fromkeys(kept, 1)
        assert ended.code == 3
        assert f"{len(kept)} of {len(rows)} rows have their video" in ended.err
        assert "2 not submitted yet" in ended.err
        states = dict(ledger(shots, "SELECT key, state || COALESCE(place, '') FROM row"))
        assert (states["id:r8"], states["id:r11"]) == ("pending", "pending")
        assert now.run("run", shots).code == 0
        assert now.accepted == dict.fromkeys([*kept, "prompt 9 edited", "prompt 99"], 1)
        assert {row["status"] for row in table(shots)} == {"succeeded"}
        assert len(table(shots)) == len(rows)


def test_an_edit_of_other_cells_holds_nothing_up(tmp_path: Path) -> None:
    """A note, another order of the rows: every row is bought in the same run."""
    with night(tmp_path, slots=1, run_seconds=0.3) as now:
        shots = now.manifest(6)
        child = now.start("run", shots, "--concurrency", 1)
        until(lambda: now.asked("submit") >= 1, child)
        header, *rows = shots.read_text().splitlines()
        shots.write_text("\n".join([header, *(row.replace("kept", "noted") for row in reversed(rows)), ""]))
        assert end(child).code == 0
        assert now.accepted == dict.fromkeys([f"prompt {n}" for n in range(6)], 1)
        assert [row["note"] for row in table(shots)] == [f"noted {n}" for n in reversed(range(6))]
        assert {row["status"] for row in table(shots)} == {"succeeded"}


def test_a_stale_row_that_is_edited_again_is_not_bought_in_the_form_between(tmp_path: Path) -> None:
    """What was marked by `--stale` counts as it was then."""
    with night(tmp_path, slots=1, run_seconds=1.0) as now:
        shots = now.manifest(3)
        assert now.run("run", shots).code == 0
        shots.write_text(shots.read_text().replace(",prompt ", ",second "))
        child = now.start("run", shots, "--stale", "--concurrency", 1)
        until(lambda: now.asked("submit") >= 4, child)
        shots.write_text(shots.read_text().replace("second 2", "third 2"))
        end(child)
        assert "second 2" not in now.accepted
        assert table(shots)[2]["video_url"]
        assert table(shots)[2]["status"] == "stale"
        assert now.run("run", shots, "--stale").code == 0
        assert now.accepted["third 2"] == 1


def test_a_table_that_cannot_be_read_any_more_stops_the_submitting(tmp_path: Path) -> None:
    """Half a minute is waited for whoever is saving it; then nobody knows what is still wanted."""
    gone = Manifest(path=tmp_path / "gone.csv", job=JOB, prices=JOB.prices)
    watch = ManifestWatch(gone, tmp_path / "ledger", "digest", lambda _: None)

    async def asked() -> tuple[bool | Stop, float]:
        return await watch.may_submit(PendingRow(1, 0, 2, {}, 490_000, 0)), current_time()

    answer, seconds = play(asked)
    assert isinstance(answer, Stop)
    assert "gone.csv cannot be read any more (No such file or directory)" in answer.message
    assert seconds == PATIENCE
