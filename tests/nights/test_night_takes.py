"""Another take in real processes: refused without a yes, killed by SIGKILL in the middle, brought home, chosen."""

import os
import pty
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support.night import end, kill, ledger, night, table, until


def takes(path: Path) -> Counter[int]:
    return Counter(dict(ledger(path, "SELECT row, COUNT(*) FROM take GROUP BY row")))


def test_a_redo_killed_on_its_way_is_brought_home_and_paid_once(tmp_path: Path) -> None:
    """The account's book and the ledger agree; what was made before is there all the while; no other row is bought."""
    with night(tmp_path, run_seconds=0.4) as now:
        shots = now.manifest(3)
        assert now.run("run", shots, "--limit", 2).code == 3
        refused = now.run("redo", shots, "--id", "r0")
        assert (refused.code, now.asked("submit")) == (2, 2)
        assert "another take of row 2 (r0) for $0.49" in refused.err
        assert "Say --yes to buy it" in refused.err
        child = now.start("redo", shots, "--id", "r0", "--yes")
        until(lambda: now.accepted["prompt 0"] == 2, child)
        kill(child)
        assert takes(shots) == {1: 1, 2: 1}
        with_video = {row["id"]: row["video_url"] for row in table(shots)}
        assert with_video["r0"]
        again = now.run("redo", shots, "--id", "r0", "--yes")
        assert again.code == 2, again  # it is under way, or in doubt: what to do is said
        assert "row 2 (r0): " in again.err
        assert now.run("run", shots).code == 0
        assert now.accepted == {"prompt 0": 2, "prompt 1": 1, "prompt 2": 1}
        assert takes(shots) == {1: 2, 2: 1, 3: 1}
        assert [row["takes_made"] for row in table(shots)] == ["2", "1", "1"]
        chosen = now.run("take", shots, "--id", "r0", "--use", 1)
        assert (chosen.code, chosen.out) == (0, "row 2 (r0) shows take 1 of 2 now\n")
        assert table(shots)[0]["video_url"] == with_video["r0"]


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
@pytest.mark.parametrize(("answer", "code", "bought"), [("n", 2, 1), ("y", 0, 2)])
def test_at_a_terminal_a_person_is_asked_once_the_price_is_said(
    tmp_path: Path, answer: str, code: int, bought: int
) -> None:
    """And nothing is bought without a yes."""
    with night(tmp_path) as now:
        shots = now.manifest(1)
        assert now.run("run", shots).code == 0
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            [sys.executable, "-m", "batch", "redo", str(shots), "--row", "2"],
            env=now.environment,
            cwd=tmp_path,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.write(ours, f"{answer}\n".encode())
        ended = end(child)
        os.close(ours)
        os.close(theirs)
        assert ended.code == code, ended
        assert ended.err.index("another take of row 2 (r0) for $0.49") < ended.err.index("Buy it? [y/N]")
        assert now.accepted == {"prompt 0": bought}
