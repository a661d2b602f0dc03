"""What every test of the gateway may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from batch.fal.client import FalGateway
from batch.sandbox import Address, Queue, serve
from tests.support.fal_gateway import gateway
from tests.support.wire_service import (
    Wire,
    the_authority,  # noqa: F401 - a fixture
    the_surroundings,  # noqa: F401 - a fixture
    the_wire,  # noqa: F401 - a fixture
)


@pytest.fixture
def anyio_backend() -> str:
    """fal-client and aiohttp are asyncio's."""
    return "asyncio"


@pytest.fixture
async def service(wire: Wire) -> AsyncIterator[FalGateway]:
    """A gateway to the service of this test."""
    async with gateway() as service:
        yield service


@pytest.fixture
async def sandbox(plain_surroundings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Address]:
    """The sandbox's upload endpoints."""
    async with serve(Queue(slots=1, run_seconds=1.0), folder=tmp_path / "sandbox") as address:
        for name, value in address.environment().items():
            monkeypatch.setenv(name, value)
        yield address
