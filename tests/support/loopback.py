"""A sandbox on a loopback port, and unpatched clients in child processes that know it by their environment only."""

import asyncio
import json
import os
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from batch.sandbox import Address

PRO = "fal-ai/kling-video/v2.1/pro/image-to-video"
SHOT = {"prompt": "a ship", "image_url": "https://example.com/ship.png", "duration": "5"}

PREAMBLE = f"""
import asyncio, json, sys, time
import fal_client
PRO = {PRO!r}
SHOT = {SHOT!r}
def tell(**facts): print(json.dumps(facts))
"""

Script = Callable[[Address, str], Awaitable[dict[str, object]]]


async def run_script(address: Address, text: str) -> dict[str, object]:
    return await run_child(address, sys.executable, "-c", PREAMBLE + text)


async def run_child(
    address: Address, *command: str, cwd: Path | None = None, more: dict[str, str] | None = None
) -> dict[str, object]:
    environment = os.environ | address.environment() | (more or {})
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=pipe, cwd=cwd)
    try:
        out, err = await asyncio.wait_for(child.communicate(), 30)
    except BaseException:
        child.kill()
        await child.wait()
        raise
    assert child.returncode == 0, err.decode()
    told: dict[str, object] = json.loads(out.splitlines()[-1])
    return told


def browser(address: Address, *, direct: bool = False) -> httpx.AsyncClient:
    """A plain HTTP client for what fal-client does not ask: through the proxy, or straight to localhost."""
    return httpx.AsyncClient(
        verify=trusting(address.ca_file),
        trust_env=False,
        proxy=None if direct else f"http://127.0.0.1:{address.port}",
        base_url=f"https://localhost:{address.port}" if direct else "https://queue.fal.run",
        headers={"Authorization": "Key sandbox"},
    )


def trusting(authority: Path) -> ssl.SSLContext:
    """A client's context that knows this authority only."""
    return ssl.create_default_context(cafile=authority)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Waits on a condition of the sandbox, by asking."""
    async with asyncio.timeout(30):
        while not await true():  # noqa: ASYNC110  (what is waited for has no event of ours)
            await asyncio.sleep(0)
