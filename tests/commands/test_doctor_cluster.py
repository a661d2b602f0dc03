"""`doctor --on`: each node of a cluster, its versions, and whether fal answers it; what is wrong, said in a line."""

import re
import socket
from pathlib import Path

from tests.support.night import Night, night
from tests.support.ray_nodes import needs_ray


@needs_ray
def test_each_node_is_asked(tmp_path: Path) -> None:
    """A cluster of this machine's own has one; nothing is bought."""
    with night(tmp_path) as now:
        found = now.run("doctor", "--on", "ray")
        assert re.search(r"ok +cluster +1 node at ray\n", found.out), found.out + found.err
        assert re.search(
            r"ok +node +\S+ \(127.0.0.1\): Ray [\d.]+, Python 3.\d+, kling-batch \S+; fal answers", found.out
        )
        assert now.asked("submit") == 0


@needs_ray
def test_a_cluster_where_nobody_answers_is_told_at_once(tmp_path: Path) -> None:
    """By `doctor` as by `run`, with what to look at; nothing is bought."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"ray://127.0.0.1:{free.getsockname()[1]}"
        with night(tmp_path) as now:
            _tell(now, nobody)


def _tell(now: Night, nobody: str) -> None:
    found = now.run("doctor", "--on", nobody)
    assert found.code == 1
    assert re.search(
        rf"wrong +cluster +it cannot be used: --on {nobody}: nobody answers there \(.*ray start", found.out
    )
    shots = now.manifest(1)
    ended = now.run("run", shots, "--on", nobody)
    assert ended.code == 2
    assert f"--on {nobody}: nobody answers there" in ended.err
    assert now.asked("submit") == 0
    assert not Path(f"{shots}.ledger").exists()
