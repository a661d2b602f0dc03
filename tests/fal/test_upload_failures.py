"""Uploads that fail: who was reached, who is to blame, and one try for all rows that share an image."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from batch.core.gateway import NotSent, Prepared, Refused
from batch.fal import uploads
from batch.fal.client import FalGateway
from batch.sandbox import Address, Faults, Queue, serve
from jobs.kling import KLING_2_1_PRO
from tests.support.wire_service import (
    the_authority,  # noqa: F401 - a fixture
    the_surroundings,  # noqa: F401 - a fixture
)

ROW = {"prompt": "a ship", "image_url": "file:a.png"}

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_surroundings")]


@pytest.fixture
def anyio_backend() -> str:
    """fal-client and aiohttp are asyncio's."""
    return "asyncio"


@pytest.fixture
async def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Address]:
    """The sandbox's upload endpoints, and an image."""
    (tmp_path / "a.png").write_bytes(b"image")
    async with serve(Queue(slots=1, run_seconds=1.0), folder=tmp_path / "sandbox") as address:
        for name, value in address.environment().items():
            monkeypatch.setenv(name, value)
        yield address


def gateway(folder: Path) -> FalGateway:
    return FalGateway(KLING_2_1_PRO, local=lambda cell: folder / cell[5:] if cell.startswith("file:") else None)


@pytest.mark.parametrize(
    "faults", ["token=500 initiate=500", "token=503 initiate=garbage", "token=404 initiate=404", "token=503 put=404"]
)
async def test_a_service_that_answers_otherwise_was_reached(faults: str, sandbox: Address, tmp_path: Path) -> None:
    """Its troubles are not the row's, a 404 included; but the network is there."""
    sandbox.fault_injector.plan(Faults.parse(faults))
    async with gateway(tmp_path) as service:
        answer = await service.prepare(ROW)
    assert isinstance(answer, NotSent)
    assert answer.reached


async def test_without_a_network_nobody_was_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is waited for, however long."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    (tmp_path / "a.png").write_bytes(b"image")
    async with gateway(tmp_path) as service:
        answer = await service.prepare(ROW)
    assert isinstance(answer, NotSent)
    assert not answer.reached


async def test_an_upload_without_end_is_given_up_and_was_on_its_way(
    sandbox: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that cannot be made ends sooner, and otherwise."""
    monkeypatch.setattr(uploads, "UPLOAD_SECONDS", 0.5)
    sandbox.fault_injector.plan(Faults.parse("token=silent"))
    async with gateway(tmp_path) as service:
        answer = await service.prepare(ROW)
    assert isinstance(answer, NotSent)
    assert answer.reached
    assert "not done in" in answer.reason


async def test_rows_that_share_an_image_share_its_failure(sandbox: Address, tmp_path: Path) -> None:
    """Twenty at once are one try; the next one of any of them is a new one."""
    async with gateway(tmp_path) as service:
        sandbox.fault_injector.plan(Faults.parse("initiate=500 token=500"))
        answers = await asyncio.gather(*(service.prepare(ROW) for _ in range(20)))
        assert {type(answer) for answer in answers} == {NotSent}
        assert sandbox.fault_injector.requests["token"] == 1
        sandbox.fault_injector.plan(Faults.parse(""))
        answers = await asyncio.gather(*(service.prepare(ROW) for _ in range(20)))
    assert {type(answer) for answer in answers} == {Prepared}
    assert sandbox.fault_injector.requests["upload"] == 1


async def test_whether_an_image_was_taken_just_now_is_told(sandbox: Address, tmp_path: Path) -> None:
    """Only the first of two rows with the same image shows that images are taken at all."""
    async with gateway(tmp_path) as service:
        told = [await service.prepare(ROW), await service.prepare(ROW), await service.prepare({"prompt": "none"})]
    assert [answer.uploaded for answer in told if isinstance(answer, Prepared)] == [True, False, False]


async def test_a_file_that_the_disk_does_not_give_is_the_rows_own_trouble(sandbox: Address, tmp_path: Path) -> None:
    """Whatever the reason: it is no matter of the network, and not waited for."""
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    async with gateway(tmp_path) as service:
        answer = await service.prepare(ROW | {"image_url": "file:loop.png"})
    assert isinstance(answer, Refused)
    assert answer.error_type == "image_unreadable"
    assert str(loop) in answer.message
