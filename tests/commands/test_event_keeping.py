"""The event log of whole runs: it gives the table, row by row, also after kills, and never ends a night."""

import json
import os
from pathlib import Path

import pytest

from batch.commands.status import each_row
from batch.core.run_options import RunOptions
from batch.errors import Exit, UsageError
from batch.reports.event_log import replayed
from batch.sandbox.outcomes import model_error
from tests.support.night import kill, night, until
from tests.support.runs import a_service, run_through
from tests.support.sheets import batch

SHOTS = "id,prompt,image\n" + "".join(f"s{n},shot {n},https://x.y/{n}.png\n" for n in range(8))


def test_the_log_of_a_run_gives_the_table(tmp_path: Path) -> None:
    """Every row by its number in the ledger, which `status --rows` tells, too."""
    given, path = batch(tmp_path, SHOTS), tmp_path / "log.jsonl"
    plan = lambda given, _: model_error("content_policy_violation") if given["prompt"] == "shot 3" else None  # noqa: E731
    run_through(given, a_service(plan=plan), RunOptions(concurrency=4, log_file=str(path)))
    rows = list(each_row(given.manifest.path, sandbox=False))
    assert replayed(path.read_text().splitlines()) == {one["n"]: one["status"] for one in rows}
    found = [(one["row"], one["id"], one["status"], one["error_type"], one["cost_usd"]) for one in rows[2:4]]
    assert found == [(4, "s2", "succeeded", None, 0.49), (5, "s3", "failed", "http_422", 0.49)]
    events = [json.loads(line) for line in path.read_text().splitlines()]
    urls = {one["n"]: one["video_url"] for one in events if one.get("video_url")}
    assert urls == {one["n"]: one["video_url"] for one in rows if one["video_url"]}


def test_a_run_without_a_log_writes_none_and_the_next_one_writes_all(tmp_path: Path) -> None:
    """The ledger's own events are the source: nothing has to have been there."""
    given, service = batch(tmp_path, SHOTS), a_service()
    run_through(given, service, RunOptions(concurrency=4))
    assert not list(tmp_path.glob("*.jsonl"))
    path = tmp_path / "log.jsonl"
    run_through(given, service, RunOptions(concurrency=4, log_file=str(path)))
    assert set(replayed(path.read_text().splitlines()).values()) == {"succeeded"}


def test_a_log_that_cannot_be_written_is_told_before_anything_is_bought(tmp_path: Path) -> None:
    """Or while it is: then the night goes on, and it is said once."""
    given, service, said = batch(tmp_path, SHOTS), a_service(), list[str]()
    with pytest.raises(UsageError, match="--log-file"):
        run_through(given, service, RunOptions(log_file=str(tmp_path)))
    assert service.asked["submit"] == 0
    path = tmp_path / "log.jsonl"
    written = 0
    real = os.write

    def full(file: int, data: bytes) -> int:
        nonlocal written
        if b'"type": "event"' in bytes(data):
            written += 1
            raise OSError(28, "No space left on device")
        return real(file, data)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("batch.reports.event_log.os.write", full)
        outcome = run_through(given, service, RunOptions(concurrency=4, log_file=str(path)), say=said.append)
    assert outcome.exit_code is Exit.DONE
    assert written == 1
    assert sum("No space left on device" in line for line in said) == 1
    run_through(given, service, RunOptions(concurrency=4, log_file=str(path)))
    assert set(replayed(path.read_text().splitlines()).values()) == {"succeeded"}


def test_a_log_after_kills_gives_every_row(tmp_path: Path) -> None:
    """Struck while it is being written; only whole lines count, and the last run mends the rest."""
    with night(tmp_path, slots=4, run_seconds=0.2) as now:
        manifest, path = now.manifest(16), tmp_path / "log.jsonl"
        for lines in (20, 32, 40):
            child = now.start("run", manifest, "--log-file", path)
            until(lambda: path.exists() and path.read_bytes().count(b"\n") >= lines, child)  # noqa: B023 - at once
            kill(child)
        ended = now.run("run", manifest, "--log-file", path)
        assert ended.code in (Exit.DONE, Exit.IN_DOUBT), ended.err  # a POST that was on its way just then
        told = json.loads(now.run("status", manifest, "--json", "--rows").out)
    seen = [json.loads(line) for line in path.read_text().splitlines()]
    sequence = [one["seq"] for one in seen if one["type"] == "event"]
    assert sequence == list(range(1, len(sequence) + 1))
    assert replayed(path.read_text().splitlines()) == {one["n"]: one["status"] for one in told["each_row"]}
