"""fal's own JavaScript client against the sandbox: the protocol as somebody else understood it."""

import shutil
from pathlib import Path

import pytest

from batch.sandbox import Queue, serve
from tests.support.loopback import run_child

HERE = Path(__file__).parent / "node"

pytestmark = pytest.mark.anyio


async def test_the_javascript_client_understands_the_sandbox() -> None:
    """Upload, subscribe by polling and by streaming, a refused input with its fields, cancel."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed: https://nodejs.org")
    if not (HERE / "node_modules" / "@fal-ai" / "client").is_dir():
        pytest.skip("@fal-ai/client is not installed: npm ci --prefix tests/sandbox/node")
    async with serve(Queue(slots=1, run_seconds=0.3)) as address:
        told = await run_child(address, node, "talk.mjs", cwd=HERE, more={"SANDBOX": f"localhost:{address.port}"})
        assert told["uploaded"] == "a picture"
        assert told["states"][-1] == "COMPLETED"  # type: ignore[index]
        assert told["streamed"] == ["IN_PROGRESS", "COMPLETED"]
        assert told["refused"] == ["image_url", "duration"]
        assert told["cancelled"] == "COMPLETED"
        assert address.queue.result(str(told["later"])).code == 499
        assert str(told["video"]).startswith(f"https://localhost:{address.port}/files/videos/")
        assert address.queue.accepted == 5
