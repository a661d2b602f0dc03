"""Host names that verify, for whoever trusts the sandbox's authority."""

import stat
from pathlib import Path

import httpx
import pytest

from batch.sandbox import Queue, Recording, serve
from tests.support.loopback import PRO, SHOT, browser

pytestmark = pytest.mark.anyio


async def test_any_host_name_is_answered_with_its_own_certificate() -> None:
    """Through CONNECT, each name verifies; straight to the port, localhost does."""
    async with serve(Queue()) as address:
        async with browser(address) as http:
            for host in ("queue.fal.run", "queue.falrun.com", "rest.fal.ai", "api.fal.ai", "example.org", "10.0.0.1"):
                assert (await http.get(f"https://{host}/nothing")).status_code in (404, 405), host
        async with browser(address, direct=True) as http:
            for host in ("localhost", "127.0.0.1"):
                assert (await http.get(f"https://{host}:{address.port}/nothing")).status_code in (404, 405)


async def test_who_does_not_trust_the_authority_gets_nowhere() -> None:
    """The certificate is the sandbox's own: clients with the usual authorities refuse it; the sandbox lives on."""
    async with serve(Queue()) as address:
        async with httpx.AsyncClient(proxy=f"http://127.0.0.1:{address.port}") as stranger:
            with pytest.raises(httpx.ConnectError):
                await stranger.get("https://queue.fal.run/")
        async with browser(address) as http:
            assert (await http.post(f"/{PRO}", json=SHOT)).status_code == 200


async def test_a_sandbox_started_again_is_trusted_and_remembers(tmp_path: Path) -> None:
    """The authority, the requests and the uploads are in the folder; the key is for its owner only."""
    async with serve(Queue(recording=Recording(tmp_path)), folder=tmp_path) as address, browser(address) as http:
        sent = (await http.post(f"/{PRO}", json=SHOT)).json()
        upload = (await http.post("https://v3.fal.media/files/upload", content=b"a picture")).json()["access_url"]
        authority = address.ca_file.read_bytes()
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600
    async with serve(Queue(recording=Recording(tmp_path)), folder=tmp_path) as address, browser(address) as http:
        assert address.ca_file.read_bytes() == authority
        assert (await http.get(sent["status_url"])).json()["status"] == "IN_PROGRESS"
        assert (await http.get(upload)).content == b"a picture"
