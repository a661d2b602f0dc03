"""Real Ray on this machine: nights whose workers, nodes and driver die; what is secret, and what listens."""

import json
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.errors import MissingExtra
from batch.sandbox import Queue
from batch.workers import ray_cluster
from batch.workers.calls import SUBMITS_EACH
from tests.support.night import Night, end, kill, ledger, service, statuses, table
from tests.support.ray_nodes import (
    LOOPBACK,
    RayNodes,
    descendants,
    kill_one,
    listening,
    needs_ray,
    ray_nodes,
    start_later,
    title,
    until,
)

KEY = "0f1e2d3c-1111-2222-3333-0123456789ab:5ec2e7f00dfeedface5ec2e7f00dfe01"
LATER = 5 * 3600.0
"""Seconds after which fal's records prove what was never sent."""


@pytest.fixture(name="now")
def a_night(tmp_path: Path) -> Iterator[Night]:
    """Ten slots of half a second; its service goes by the clock of this process."""
    with service(Queue(10, 0.5, clock=lambda: time.time())) as address:
        yield Night(tmp_path, address)


def way_to_fal(now: Night) -> dict[str, str]:
    """What a machine has of it; the key is the run's."""
    return {name: value for name, value in now.environment.items() if name != "FAL_KEY"}


def accepted(now: Night) -> int:
    return len(now.address.queue.requests)


def doubts(path: Path) -> int:
    """How often a row came in doubt so far."""
    return int(str(ledger(path, "SELECT COUNT(*) FROM event WHERE new = 'in_doubt'")[0][0]))


def settled(path: Path) -> int:
    """Rows that this night brings no further."""
    query = "SELECT COUNT(*) FROM row WHERE state IN ('succeeded', 'in_doubt')"
    return int(str(ledger(path, query)[0][0]))


def settle(now: Night, shots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours later, by all clocks, an ordinary run settles what is in doubt: by two rows that it sends itself."""
    with shots.open("a") as file:
        file.writelines(f"late{n},late {n},https://example.com/{n}.png,\n" for n in range(2))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + LATER)
    ended = end(start_later(now, LATER, "run", shots))
    assert ended.code == 0, ended.err


@needs_ray
def test_a_night_on_a_cluster_outlives_its_workers_a_node_and_its_driver(
    now: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is paid twice, nothing lost; a death leaves four rows in doubt at most, and settling none."""
    shots = now.manifest(40)
    with ray_nodes(2, way_to_fal(now)) as nodes:
        night = ("run", shots, "--on", nodes.address, "--workers", 3)
        _refused_for_its_version(now, nodes, night)
        child = now.start(*night, more=nodes.environment)
        kills = _kill_workers(now, nodes, 2)
        until(lambda: accepted(now) > 18)
        kill(child)
        in_the_air = int(str(ledger(shots, "SELECT COUNT(*) FROM row WHERE state = 'submitting'")[0][0]))
        child = now.start(*night, more=nodes.environment)
        until(lambda: accepted(now) > 25 or child.poll() is not None)
        nodes.say("remove")
        until(lambda: settled(shots) == 40 or child.poll() is not None)
        child.send_signal(signal.SIGINT)  # it would wait for fal's records
        ended = end(child)
        assert doubts(shots) <= SUBMITS_EACH * (kills + 3) + in_the_air, ended.err
    settle(now, shots, monkeypatch)
    assert now.accepted == {f"prompt {n}": 1 for n in range(40)} | {"late 0": 1, "late 1": 1}
    assert statuses(shots) == {"succeeded": 42}
    assert all(now.videos[row["request_id"]] == row["prompt"] for row in table(shots))


def _refused_for_its_version(now: Night, nodes: RayNodes, night: tuple[object, ...]) -> None:
    """A kling-batch that is not the cluster's: told at once, and nothing is bought."""
    other = now.folder / "other" / "kling_batch-9.9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: kling-batch\nVersion: 9.9.9\n")
    path = os.pathsep.join([str(other.parent), now.environment["PYTHONPATH"]])
    refused = end(now.start(*night, more=nodes.environment | {"PYTHONPATH": path}))
    assert refused.code == 2, refused.err
    assert "kling-batch 0.1.0 there and 9.9.9 here; install the same" in refused.err
    assert accepted(now) == 0


def _kill_workers(now: Night, nodes: RayNodes, times: int) -> int:
    """SIGKILL in the middle of the night, again and again."""
    for nth in range(times):
        until(lambda nth=nth: accepted(now) > 4 + 5 * nth and nodes.actors)
        assert kill_one(nodes.actors, nth)
    return times


@needs_ray
def test_a_cluster_of_ones_own_ends_with_the_run_and_keeps_the_key_to_itself(now: Night) -> None:
    """Pictures go up from the workers; nothing listens beyond loopback; no file and no command line holds the key."""
    shots, pictures = now.folder / "shots.csv", Path(__file__).parents[2] / "samples" / "images"
    names = ["kite", "train", "kite", "lighthouse"]
    shots.write_text("prompt,image\n" + "".join(f"take {n},{pictures}/{one}.jpg\n" for n, one in enumerate(names)))
    log, own = now.folder / "log.jsonl", Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
    night = ("run", shots, "--on", "ray", "--workers", 1, "--log-file", log)
    child = now.start(*night, more={"FAL_KEY": KEY, "TMPDIR": str(own)})
    until(lambda: accepted(now) or child.poll() is not None)
    family = descendants(child.pid)
    assert any("ray::WorkerActor" in title(pid) for pid in family), end(child).err
    assert listening(family) <= LOOPBACK
    secret = KEY.partition(":")[2]
    assert not any(secret in title(pid) for pid in family)
    (folder,) = own.glob("kb-*")
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert any("gcs_server" in path.name for path in files)
    assert not [path for path in files if secret.encode() in path.read_bytes()]
    ended = end(child)
    assert ended.code == 0, ended.err
    assert now.accepted == {f"take {n}": 1 for n in range(4)}
    assert now.asked("upload") == 3
    assert re.search(r"worker w1 on \S+: 4 submitted, \d+ calls", ended.err)
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert [one["what"] for one in told if one["type"] == "worker"] == ["started", *["submitted"] * 4]
    ids = {one["request_id"] for one in told if one["type"] == "event"} - {None}
    assert ids == {one["request_id"] for one in told if one["type"] == "worker"} - {None} == set(now.videos)
    assert not list(own.iterdir())
    own.rmdir()
    until(lambda: not any(Path(f"/proc/{pid}").exists() and title(pid) for pid in family))


@needs_ray
def test_a_second_signal_ends_a_run_on_a_cluster_at_once(now: Night) -> None:
    """As without one: 130, and the next run goes on."""
    shots = now.manifest(30)
    child = now.start("run", shots, "--on", "ray", "--workers", 1)
    until(lambda: accepted(now) > 3)
    child.send_signal(signal.SIGINT)
    child.send_signal(signal.SIGINT)
    ended = end(child)
    assert ended.code == 130, ended.err
    assert end(now.start("run", shots)).code in (0, 4)
    assert max(now.accepted.values()) == 1


def test_without_ray_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """For this very Python."""
    monkeypatch.setattr(ray_cluster, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=re.escape("-m pip install 'ray[client]>=")):
        ray_cluster.require_ray()


def test_what_ray_is_started_with_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is not in the environment while it starts, and is there again."""
    monkeypatch.setenv("FAL_KEY", KEY)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    before = dict(os.environ)
    with ray_cluster.surroundings("ray"):
        assert "FAL_KEY" not in os.environ
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
        assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
    assert dict(os.environ) == before
    with ray_cluster.surroundings("ray://10.0.0.1:10001"):
        assert os.environ["FAL_KEY"] == KEY
        assert "RAY_AUTH_TOKEN" not in os.environ
