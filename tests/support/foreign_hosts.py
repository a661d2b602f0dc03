"""What the tests share that look where fal's key goes."""

from pathlib import Path

import pytest

from batch.core.gateway import Receipt
from batch.fal.client import FalGateway
from jobs.kling import KLING_2_1_PRO
from tests.support.wire_service import KEY, Wire, request_id

SHOT = {"prompt": "a ship", "image_url": "https://example.com/ship.png"}
BASE = f"https://queue.fal.run/fal-ai/kling-video/requests/{request_id(1)}"
OWN = Receipt(request_id(1), f"{BASE}/status", BASE, f"{BASE}/cancel")
FAL = ("fal.run", "fal.ai", "fal.media", "falrun.com")


@pytest.fixture
def anyio_backend() -> str:
    """fal-client and aiohttp are asyncio's."""
    return "asyncio"


def gateway(folder: Path = Path()) -> FalGateway:
    return FalGateway(KLING_2_1_PRO, local=lambda cell: folder / cell[5:] if cell.startswith("file:") else None)


def require_key_at_home(wire: Wire) -> None:
    """No byte of it in any request to a host that is not fal's."""
    for one in wire.heard:
        if not any(f".{one.host}".endswith(f".{name}") for name in FAL):
            assert "authorization" not in one.headers
            assert KEY.partition(":")[2] not in str(one)
