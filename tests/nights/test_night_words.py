"""What a person said means the same in the night: no more rows than were asked for, no other file than is meant."""

import signal
from pathlib import Path

from tests.support.night import kill, night, statuses, table, until


def test_a_rerun_with_a_limit_buys_no_more_and_leaves_nothing_for_the_next_run(tmp_path: Path) -> None:
    """The rows that were held back stay failed, with their reasons; a rerun that is killed leaves them so, too."""
    with night(tmp_path, slots=2, run_seconds=0.5) as now:
        shots = now.manifest(9, prompt="p{} [[no_media_generated]]".format)
        assert now.run("run", shots).code == 1
        before = {row["id"]: row["error"] for row in table(shots)}
        limited = now.run("rerun", shots, "--limit", 2)
        assert (limited.code, now.asked("submit"), statuses(shots)["failed"]) == (3, 11, 9)
        assert {row["id"]: row["error"] for row in table(shots)} == before
        child = now.start("rerun", shots, "--concurrency", 1)
        until(lambda: now.asked("submit") == 12, child)
        child.send_signal(signal.SIGKILL)
        kill(child)
        now.run("run", shots)
        assert now.asked("submit") == 12
        assert statuses(shots)["failed"] + statuses(shots)["in_doubt"] == 9
