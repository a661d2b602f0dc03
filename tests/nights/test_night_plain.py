"""Nights in which nothing worse happens than rows that fail."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch.sandbox import Queue
from tests.support.night import OURS, Night, end, ledger, night, service, statuses, table, until

FLAGGED = "[[content_policy_violation]]"


def flagged(n: int) -> str:
    return f"prompt {n} {FLAGGED if n in (3, 7) else ''}".strip()


def test_a_night_ends_with_each_video_beside_its_own_row_and_the_failures_explained(tmp_path: Path) -> None:
    """Table, exit code, summary, JSON, status, and what to type next agree with the service's own books."""
    with night(tmp_path) as now:
        shots = now.manifest(12, prompt=flagged)
        given = shots.read_bytes().splitlines()
        ended = now.run("run", shots, "--json")
        assert ended.code == 1, ended.err
        rows = table(shots)
        assert [row["status"] for row in rows] == ["failed" if n in (3, 7) else "succeeded" for n in range(12)]
        for n, row in enumerate(rows):
            assert now.videos[row["request_id"]] == flagged(n) == row["prompt"]
            assert (row["request_id"] in row["video_url"]) == (row["status"] == "succeeded")
            assert (row["attempts"], row["cost_usd"]) == ("1", "0.49")
        assert all(
            line.startswith(old + b",") for line, old in zip(shots.read_bytes().splitlines(), given, strict=True)
        )
        assert "12 rows to run for $5.88" in ended.err
        assert "10 of 12 rows have their video" in ended.err
        assert "2 failed with content_policy_violation (reword the prompt or change the image)" in ended.err
        assert "row 5" in ended.err  # the first that failed, as the spreadsheet numbers it
        assert f"next: kling-batch rerun {shots}" in ended.err
        told = json.loads(ended.out)
        assert (told["exit_code"], told["succeeded"], told["failed"], told["spent_usd"]) == (1, 10, 2, 5.88)
        assert told["failures"][0]["example_row"] == 5
        standing = now.run("status", shots)
        assert standing.code == 1
        assert "10 of 12 rows have their video" in standing.out


def test_running_again_does_nothing_and_failed_rows_wait_for_rerun(tmp_path: Path) -> None:
    """A second run submits nothing and leaves the file alone; `rerun` takes a kind, a row or an id."""
    with night(tmp_path) as now:
        shots = now.manifest(12, prompt=flagged)
        now.run("run", shots)
        before, posts = shots.read_bytes(), now.asked("submit")
        again = now.run("run", shots)
        assert (again.code, now.asked("submit"), shots.read_bytes()) == (1, posts, before)
        assert "spent $0.00 in this run" in again.err
        for choice, more in (
            (("--kind", "no_media_generated"), 0),
            (("--kind", "content_policy_violation"), 2),
            (("--row", "5", "--id", "r7"), 2),
        ):
            posts = now.asked("submit")
            assert now.run("rerun", shots, *choice).code == 1
            assert now.asked("submit") == posts + more, choice
        refused = now.run("rerun", shots, "--row", "2")
        assert (refused.code, refused.err.strip()) == (2, "kling-batch: --row 2: the row has its video")
        assert now.accepted[flagged(3)] == 3


def test_a_mended_row_is_run_again_with_its_new_prompt(tmp_path: Path) -> None:
    """The morning after: the failed row is reworded, `rerun` buys that one video, and all is done."""
    with night(tmp_path) as now:
        shots = now.manifest(4, prompt=flagged)
        assert now.run("run", shots).code == 1
        shots.write_text(shots.read_text().replace(f" {FLAGGED}", " mended"))
        assert now.run("rerun", shots).code == 0
        assert now.accepted == {"prompt 0": 1, "prompt 1": 1, "prompt 2": 1, flagged(3): 1, "prompt 3 mended": 1}


def test_a_stale_row_is_bought_again_with_its_new_prompt_and_once(tmp_path: Path) -> None:
    """A row edited after its video was made waits for `--stale`, which buys the new prompt, never the old one."""
    with night(tmp_path) as now:
        shots = now.manifest(2)
        assert now.run("run", shots).code == 0
        shots.write_text(shots.read_text().replace("prompt 1", "another"))
        assert "1 of the videos are stale" in now.run("run", shots).err
        assert "are stale" not in now.run("run", shots, "--stale").err
        now.run("run", shots, "--stale")
        assert now.accepted == {"prompt 0": 1, "prompt 1": 1, "another": 1}
        assert statuses(shots) == {"succeeded": 2}


def test_a_parquet_night_keeps_the_types(tmp_path: Path) -> None:
    """The user's columns come back as they were; ours are added, typed, a row's beside its prompt."""
    with night(tmp_path) as now:
        shots = tmp_path / "shots.parquet"
        given = pa.table(
            {
                "take": pa.array(range(12), pa.int16()),
                "prompt": [flagged(n) for n in range(12)],
                "image": [f"https://example.com/{n}.png" for n in range(12)],
                "tags": pa.array([["a", "b"]] * 12),
            }
        )
        pq.write_table(given, shots)
        assert now.run("run", shots).code == 1
        made = pq.read_table(shots)
        assert made.select(given.column_names).equals(given)
        assert made.column_names == [*given.column_names, *OURS]
        for row in made.to_pylist():
            assert now.videos[row["request_id"]] == row["prompt"]
            assert row["status"] == ("failed" if FLAGGED in row["prompt"] else "succeeded")


def test_status_answers_while_the_run_is_at_work_and_a_second_run_does_nothing(tmp_path: Path) -> None:
    """A second run ends with 75 at once; status reads the ledger beside the writer."""
    with service(Queue(20, 300.0)) as address:
        now = Night(tmp_path, address)
        shots = now.manifest(6)
        first = now.start("run", shots, "--concurrency", 6)
        try:
            until(lambda: ledger_count(shots) == 6, first)
            standing = now.run("status", shots)
            assert standing.code == 0
            assert f"a run is at work (process {first.pid} " in standing.out
            assert "6 under way at fal" in standing.out
            second = now.run("run", shots)
            assert (second.code, second.out) == (75, "")
            assert second.err.startswith("kling-batch: another run is at work on shots.csv")
            assert now.run("rerun", shots).code == 75
            assert address.queue.accepted == 6
        finally:
            first.kill()
            end(first)


def ledger_count(shots: Path) -> int:
    if not shots.with_name(shots.name + ".ledger").exists():
        return 0
    return len(ledger(shots, "SELECT 1 FROM row WHERE state = 'submitted'"))


def test_check_needs_no_key_and_no_network_and_changes_no_file(tmp_path: Path) -> None:
    """Before the first run and after it, check leaves every file as it is and asks nobody."""
    with night(tmp_path) as now:
        shots = now.manifest(3)
        away = Night(tmp_path)
        assert away.run("check", shots).out.splitlines() == [
            "columns: prompt, image, id",
            "no tail_image column; no duration column: every row 5 s; no negative_prompt column: every row "
            "'blur, distort, and low quality'; no cfg_scale column: every row 0.5",
            "left alone: 'note'",
            "3 rows: 3 to run",
            "to run: 3 rows for $1.47 (3 of 5 s for $1.47)",
        ]
        assert [path.name for path in tmp_path.iterdir()] == ["shots.csv"]
        assert away.run("run", shots).code == 2  # no key
        assert now.run("run", shots).code == 0
        now.run("status", shots)
        seen, files = now.address.fault_injector.requests.total(), contents(tmp_path)
        told = json.loads(now.run("check", shots, "--json").out)
        assert (told["to_run"], told["succeeded"], told["price_usd"]) == (0, 3, 0.0)
        assert (contents(tmp_path), now.address.fault_injector.requests.total()) == (files, seen)


def contents(folder: Path) -> dict[str, bytes]:
    """The files that hold something: a reader of SQLite leaves its empty helpers beside a ledger."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


def test_without_a_key_nothing_is_submitted_and_the_message_says_where_to_get_one(tmp_path: Path) -> None:
    """No key where one is needed: 2, one line, the table as it was."""
    away = Night(tmp_path)
    shots = away.manifest(2)
    before = shots.read_bytes()
    ended = away.run("run", shots)
    assert (ended.code, shots.read_bytes()) == (2, before)
    assert ended.err.splitlines()[-1].startswith("kling-batch: no fal key: set FAL_KEY (make one at https://fal.ai/")


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ("submit=401", "set FAL_KEY to a valid key"),
        ("submit=403_locked", "top up or unlock the account"),
    ],
)
def test_a_refused_account_stops_with_every_row_as_it_was(tmp_path: Path, faults: str, said: str) -> None:
    """One POST finds out; exit 3, no row failed, no attempt counted, and the next run goes on."""
    with night(tmp_path, faults=faults) as now:
        shots = now.manifest(12)
        ended = now.run("run", shots)
        assert ended.code == 3
        assert said in ended.err
        assert now.asked("submit") == 1
        assert statuses(shots) == {"pending": 12}
        assert not any(row["attempts"] for row in table(shots))


def test_local_images_are_uploaded_once_for_all_rows(tmp_path: Path) -> None:
    """Rows with one image are one upload, and the service gets its URL."""
    with night(tmp_path) as now:
        picture = Path(__file__).parents[2] / "samples" / "images" / "kite.jpg"
        (tmp_path / "Bild ü.jpg").write_bytes(picture.read_bytes())
        shots = tmp_path / "shots.csv"
        shots.write_text("prompt,image\n" + "".join(f"p{n},Bild ü.jpg\n" for n in range(6)), encoding="utf-8")
        assert now.run("run", shots).code == 0
        assert now.asked("upload") == 1
        assert all(str(one.input["image_url"]).startswith("https://v3.fal") for one in now.address.queue.requests)
