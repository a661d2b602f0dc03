"""The sandbox in a process of its own, and killed there."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.loopback import PRO, SHOT, trusting

pytestmark = pytest.mark.anyio


COMMAND = """
import asyncio, sys
from pathlib import Path
from batch.sandbox.standalone import serve_alone
asyncio.run(serve_alone(0, 2, 300.0, Path(sys.argv[1]), "submit:1=cut_after"))
"""


async def test_the_command_survives_being_killed(tmp_path: Path) -> None:
    """It prints its environment for a shell; killed without warning and started again, it knows what it accepted."""
    first, told = await _started(tmp_path)
    assert told["FAL_KEY"] == "sandbox"
    with pytest.raises(httpx.RemoteProtocolError):
        await _post(told)
    sent = (await _post(told)).json()
    first.send_signal(signal.SIGKILL)
    await first.wait()
    with (tmp_path / "requests.jsonl").open("ab") as recording:
        recording.write(b'{"do":"subm')
    second, told = await _started(tmp_path)
    async with httpx.AsyncClient(verify=trusting(Path(told["SSL_CERT_FILE"])), proxy=told["HTTPS_PROXY"]) as http:
        reply = await http.get(sent["status_url"], headers={"Authorization": "Key x"})
    assert reply.json()["status"] == "IN_PROGRESS"
    second.send_signal(signal.SIGKILL)
    await second.wait()
    assert len((tmp_path / "requests.jsonl").read_bytes().splitlines()) == 3  # the slots, and two submissions


async def _started(folder: Path) -> tuple[asyncio.subprocess.Process, dict[str, str]]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COMMAND, str(folder), stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    assert child.stdout is not None
    told: dict[str, str] = {}
    while "FAL_KEY" not in told:
        name, _, value = (await child.stdout.readline()).decode().removeprefix("export ").strip().partition("=")
        told[name] = value.strip("'")
    return child, told


async def _post(told: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(verify=trusting(Path(told["SSL_CERT_FILE"])), proxy=told["HTTPS_PROXY"]) as http:
        return await http.post(f"https://queue.fal.run/{PRO}", json=SHOT, headers={"Authorization": "Key x"})
