"""A Ray cluster of several nodes on this machine, in processes of its own; nothing of it listens beyond loopback.

`python -m tests.support.ray_nodes` is the process that holds it: a line on stdin adds or removes a node.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support.night import Night

ROOT = Path(__file__).parents[2]
needs_ray = pytest.mark.skipif(find_spec("ray") is None or find_spec("grpc") is None, reason="Ray is not installed")
STORE = 80_000_000
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
"""127.0.0.1, ::1 and ::ffff:127.0.0.1, as /proc/net shows them."""


class RayNodes:
    """A cluster, and the means to hurt it."""

    def __init__(self, child: "subprocess.Popen[str]", folder: Path, environment: dict[str, str]) -> None:
        self._child = child
        self.folder = folder
        self.environment = environment
        told = self._told()
        self.address = f"ray://127.0.0.1:{told['port']}"
        self.raylets: list[int] = told["raylets"]

    def _told(self) -> dict[str, Any]:
        assert self._child.stdout
        line = self._child.stdout.readline()
        assert line, "the cluster has not started"
        told: dict[str, Any] = json.loads(line)
        return told

    def say(self, what: str) -> None:
        """`add` a node, or `remove` the last one; done when this returns."""
        assert self._child.stdin
        self._child.stdin.write(what + "\n")
        self._child.stdin.flush()
        self.raylets = self._told()["raylets"]

    @property
    def actors(self) -> list[int]:
        """The processes of our workers."""
        return [pid for pid in in_session(self._child.pid) if title(pid).startswith("ray::WorkerActor")]


@contextmanager
def ray_nodes(nodes: int, environment: dict[str, str]) -> Iterator[RayNodes]:
    """While the block runs; every process of it is gone at its end.

    Args:
        environment: what the nodes have of the way to fal; no key.
    """
    folder = Path(tempfile.mkdtemp(prefix="kbr", dir="/tmp"))
    own = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }
    told = environment | own | {"RAY_TMPDIR": str(folder), "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    told["RAY_USAGE_STATS_ENABLED"] = "0"
    (folder / "ray").mkdir()
    with (folder / "said").open("w") as said:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.support.ray_nodes", str(nodes)],
            env=told,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,
        )
    try:
        yield RayNodes(child, folder, own)
    finally:
        left = in_session(child.pid)
        for pid in [*left, child.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe:
                pipe.close()
        shutil.rmtree(folder, ignore_errors=True)


def _processes() -> Iterator[int]:
    yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def in_session(leader: int) -> list[int]:
    """The processes that a session leader has started, and theirs."""
    found = []
    for pid in _processes():
        with suppress(OSError):
            if os.getsid(pid) == leader and pid != leader:
                found.append(pid)
    return found


def descendants(pid: int) -> list[int]:
    """The processes that one has started, and theirs."""
    parents: dict[int, list[int]] = {}
    for one in _processes():
        with suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(one)
    found, waiting = [], [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def title(pid: int) -> str:
    """The whole command line."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    return ""


def listening(pids: list[int]) -> set[str]:
    """The addresses at which these processes listen, as /proc/net shows them."""
    inodes = set()
    for pid in pids:
        with suppress(OSError):
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    target = str(entry.readlink())
                    if target.startswith("socket:["):
                        inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(fields[1].partition(":")[0])
    return found


def kill_one(pids: list[int], which: int) -> bool:
    """SIGKILL to one of them; whether there was one."""
    if not pids:
        return False
    with suppress(ProcessLookupError):
        os.kill(pids[which % len(pids)], signal.SIGKILL)
    return True


LATER = """
import sys, time
real = time.time
time.time = lambda: real() + {seconds}
from batch.cli.entry import start
start()
"""


def start_later(now: Night, seconds: float, *arguments: object) -> "subprocess.Popen[str]":
    """A command by a clock that is so much further on."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", LATER.format(seconds=seconds), *map(str, arguments)]
    return subprocess.Popen(
        command, env=now.environment, cwd=now.folder, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    )


def _serve(count: int) -> None:
    import socket

    from ray.cluster_utils import Cluster

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    how: dict[str, Any] = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
    cluster = Cluster()
    cluster.add_node(**how, ray_client_server_port=port)
    for _ in range(count - 1):
        cluster.add_node(**how, wait=True)
    _tell(cluster, port)
    for line in sys.stdin:
        if line.strip() == "add":
            cluster.add_node(**how, wait=True)
        else:
            cluster.remove_node(list(cluster.worker_nodes)[-1])
        _tell(cluster, port)


def _tell(cluster: Any, port: int) -> None:
    nodes = [cluster.head_node, *cluster.worker_nodes]
    pids = [node.all_processes["raylet"][0].process.pid for node in nodes]
    print(json.dumps({"port": port, "raylets": pids}), flush=True)


def until(true: Any, seconds: float = 60.0) -> None:
    """Waits on a condition of other processes, by asking."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "this never came true"
        time.sleep(0.01)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
