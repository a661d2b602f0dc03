"""What a run gives its workers: the key, and pictures as bytes or as they stand; what it says of them."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from batch.api import open_batch
from batch.commands.on_cluster import Fleet, RemoteUploads, connect_workers, open_worker, take_environment, told
from batch.core.gateway import AccountRefused, NotSent, Prepared, Refused
from batch.errors import MissingKey, UsageError
from batch.fal.redact import Redactor
from batch.fal.uploads import FailedElsewhere, UploadBody, Uploads
from batch.workers.calls import WorkerPlan
from jobs.kling import KLING_2_1_PRO
from tests.support.simulated import Service, service_queue
from tests.support.simulated_workers import SimulatedHost, pooled

pytestmark = [pytest.mark.anyio]
KEY = "0f1e2d3c-aaaa-bbbb-cccc-0123456789ab:5ec2e7f00dfeedface5ec2e7f00dfeed"


@pytest.fixture(name="anyio_backend")
def on_asyncio() -> str:
    return "asyncio"


class Uploading(Service):
    """Answers by the first bytes of a file."""

    def __init__(self) -> None:
        super().__init__(service_queue(10, 10.0), latency=0.0)
        self.seen: list[tuple[str, bytes]] = []

    async def prepare(self, arguments: dict[str, Any]) -> Any:
        ((name, cell),) = arguments.items()
        held = await anyio.Path(cell).read_bytes()
        self.seen.append((cell, held))
        answers = {b"bad": Refused("image_unreadable", "no"), b"off": NotSent("away"), b"key": AccountRefused("x", "y")}
        return answers.get(held[:3]) or Prepared({name: f"https://v3.fal.media/{held.decode()}"}, uploaded=True)


def uploads_by(pool: Any, shared: Path | None = None) -> Uploads:
    """As a run has them."""
    remote = RemoteUploads(pool, KLING_2_1_PRO, Fleet("ray", shared=shared).is_shared)
    return Uploads(
        KLING_2_1_PRO,
        lambda cell: Path(cell) if cell and Path(cell).exists() else None,
        remote.upload,
        Redactor(()),
        is_there=remote.is_there,
    )


async def test_a_picture_goes_up_once_from_whichever_worker(tmp_path: Path) -> None:
    """Its bytes travel; rows that share it share its address."""
    picture = tmp_path / "a.png"
    picture.write_bytes(b"one")
    host = SimulatedHost(Uploading(), start_seconds=0.0)
    async with pooled(host, 2) as (pool, _):
        uploads = uploads_by(pool)
        row = {"prompt": "x", "image_url": str(picture), "tail_image_url": str(picture)}
        answers = [await uploads.prepare(row) for _ in range(3)]
    assert {str(answer.arguments["image_url"]) for answer in answers} == {"https://v3.fal.media/one"}
    ((cell, held),) = host.service.seen
    assert (cell != str(picture), held) == (True, b"one")


async def test_a_picture_in_the_shared_folder_is_read_where_it_stands(tmp_path: Path) -> None:
    """By the worker; one beside it travels."""
    (tmp_path / "all").mkdir()
    inside, beside = tmp_path / "all" / "a.png", tmp_path / "b.png"
    inside.write_bytes(b"one")
    beside.write_bytes(b"two")
    host = SimulatedHost(Uploading(), start_seconds=0.0)
    async with pooled(host, 1) as (pool, _):
        uploads = uploads_by(pool, tmp_path / "all")
        await uploads.prepare({"image_url": str(inside), "tail_image_url": str(beside)})
    assert host.service.seen[0] == (str(inside), b"one")
    assert host.service.seen[1][0] != str(beside)


@pytest.mark.parametrize(
    ("held", "answer"),
    [
        (b"bad", Refused("image_unreadable", "no")),
        (b"off", NotSent("away")),
        (b"key", AccountRefused("x", "y")),
    ],
)
async def test_what_an_upload_means_is_the_workers_word(tmp_path: Path, held: bytes, answer: object) -> None:
    """Each of its answers is the row's."""
    picture = tmp_path / "a.png"
    picture.write_bytes(held)
    async with pooled(SimulatedHost(Uploading(), start_seconds=0.0), 1) as (pool, _):
        assert await uploads_by(pool).prepare({"image_url": str(picture)}) == answer


async def test_an_upload_whose_worker_died_was_not_sent(tmp_path: Path) -> None:
    """And is no fault of the picture's."""
    picture = tmp_path / "a.png"
    picture.write_bytes(b"one")
    host = SimulatedHost(Uploading(), start_seconds=0.0)
    async with pooled(host, 1) as (pool, _):
        host.named("w1").kill()
        remote = RemoteUploads(pool, KLING_2_1_PRO, lambda _: False)
        with pytest.raises(FailedElsewhere) as caught:
            await remote.upload(UploadBody(picture, 3, "image/png", "image.png"))
        assert caught.value.answer == NotSent("worker w1 on host of w1 was lost (it has died)")


def test_a_worker_takes_the_runs_key_and_its_own_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies and certificates are its machine's; but of a service that is played all is the run's."""
    for name, value in {"FAL_KEY_ID": "old", "FAL_KEY_SECRET": "old", "ALL_PROXY": "http://proxy"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FAL_KEY", "")
    take_environment({"FAL_KEY": KEY}, alone=False)
    assert os.environ["FAL_KEY"] == KEY
    assert "FAL_KEY_ID" not in os.environ
    assert os.environ["ALL_PROXY"] == "http://proxy"
    take_environment({"FAL_KEY": "sandbox", "HTTPS_PROXY": "http://127.0.0.1:1"}, alone=True)
    assert "ALL_PROXY" not in os.environ
    monkeypatch.delenv("HTTPS_PROXY")


async def test_a_worker_without_a_key_cannot_begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Which is told to the run."""
    monkeypatch.setenv("FAL_HOME_DIR", str(tmp_path))
    monkeypatch.setenv("FAL_KEY", KEY)
    with pytest.raises(MissingKey):
        async with open_worker(WorkerPlan(job=KLING_2_1_PRO), {}):
            raise AssertionError("it has begun")


async def test_a_played_service_is_reached_on_this_machine_only(tmp_path: Path) -> None:
    """Told before anything is begun."""
    shots = tmp_path / "shots.csv"
    shots.write_text("prompt,image\nx,https://example.com/a.png\n")
    fleet = Fleet("ray://10.0.0.1:10001")
    batch = replace(open_batch(shots, sandbox=True), fleet=fleet)
    with pytest.raises(UsageError, match="say --on ray with it"):
        async with connect_workers(batch, fleet, played={"FAL_KEY": "sandbox"}):
            raise AssertionError("it has begun")


async def test_who_did_what_is_told_at_the_end() -> None:
    """Those that died among them; of many workers the rest in one line."""
    host = SimulatedHost(Service(service_queue(100, 10.0), latency=0.0), start_seconds=0.0)
    async with pooled(host, 12) as (pool, gateway):
        for _ in range(24):
            await gateway.submit({"prompt": "x"})
        lines = told(pool)
    assert len(lines) == 11
    assert lines[0] == "worker w1 on host of w1: 2 submitted, 3 calls"
    assert lines[-1] == "2 other workers: 4 submitted, 6 calls"
