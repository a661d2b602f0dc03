"""The port, the certificates, and starting and stopping."""

import asyncio
import json
import os
import signal
import ssl
import stat
import sys
from pathlib import Path

import httpx
import pytest

import batch.sandbox
from batch.errors import MissingExtra, UsageError
from batch.sandbox import Faults, Queue, Recording, serve
from tests.support.loopback import PRO, SHOT, browser, until

pytestmark = pytest.mark.anyio


async def test_plain_http_is_sent_away() -> None:
    """400, whether asked as a server or as a proxy, and for nonsense; a client that says nothing is no harm."""
    async with serve(Queue()) as address:
        for said in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET http://x/ HTTP/1.1\r\n\r\n", b"hello\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
            writer.write(said)
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            writer.close()
            await writer.wait_closed()
        _, mute = await asyncio.open_connection("127.0.0.1", address.port)
        mute.close()
        await mute.wait_closed()
        async with browser(address) as http:
            assert (await http.post(f"/{PRO}", json=SHOT)).status_code == 200


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


@pytest.mark.parametrize(
    ("fault", "error"),
    [("cut_before", httpx.TransportError), ("503", httpx.ProxyError), ("silent", httpx.TimeoutException)],
)
async def test_a_connection_can_be_refused_before_anything_is_sent(fault: str, error: type[Exception]) -> None:
    """A proxy that refuses, drops or ignores a CONNECT: certainly not sent; the next one is let in."""
    async with serve(Queue(), faults=Faults.parse(f"connect~queue:1={fault}")) as address, browser(address) as http:
        with pytest.raises(error):
            await http.post(f"/{PRO}", json=SHOT, timeout=0.3)
        assert address.fault_injector.requests["submit"] == 0
        assert (await http.post(f"/{PRO}", json=SHOT)).status_code == 200


async def test_five_hundred_clients_at_once_are_served() -> None:
    """Each on a connection of its own that stays open, and is used again."""
    async with serve(Queue(40, 300.0)) as address:
        trusted = _trusting(address.ca_file)
        body = json.dumps(SHOT).encode()
        headers = ("host: localhost", "authorization: Key x", f"content-length: {len(body)}")
        head = "\r\n".join([f"POST /{PRO} HTTP/1.1", *headers, "", ""])

        async def client() -> list[str]:
            reader, writer = await asyncio.open_connection(
                "localhost", address.port, ssl=trusted, ssl_shutdown_timeout=1.0
            )
            told = []
            for _ in range(2):
                writer.write(head.encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                length = int(answer.split(b"content-length: ")[1].split(b"\r\n")[0])
                told.append(json.loads(await reader.readexactly(length))["request_id"])
            writer.close()
            await writer.wait_closed()
            return told

        told = await asyncio.gather(*(client() for _ in range(500)))
        assert len({name for names in told for name in names}) == address.queue.accepted == 1000


async def test_it_stops_at_once_with_clients_hanging_on() -> None:
    """Open connections, a stream under way, a request never answered: nothing is left when the block ends."""
    before = asyncio.all_tasks()
    async with serve(Queue(1, 300.0), faults=Faults.parse("submit:2=silent")) as address:
        http = browser(address)
        url = (await http.post(f"/{PRO}", json=SHOT)).json()["status_url"]
        hanging = [
            asyncio.create_task(http.post(f"/{PRO}", json=SHOT, timeout=30)),
            asyncio.create_task(http.get(f"{url}/stream", timeout=30)),
        ]

        async def both_hang() -> bool:
            return address.queue.accepted == 2 and address.fault_injector.requests["stream"] == 1

        await until(both_hang)
    assert asyncio.all_tasks() - set(hanging) == before
    lost = await asyncio.gather(*hanging, return_exceptions=True)
    assert [isinstance(error, httpx.TransportError) for error in lost] == [True, True]
    await http.aclose()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", address.port)


async def test_an_error_in_the_block_comes_out_as_it_is() -> None:
    """Not wrapped in a group: tests and commands fail with their own error."""
    with pytest.raises(ZeroDivisionError):
        async with serve(Queue()):
            raise ZeroDivisionError


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


async def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    """UsageError with the port."""
    async with serve(Queue()) as address:
        with pytest.raises(UsageError, match=f"port {address.port}"):
            async with serve(Queue(), port=address.port):
                pass


async def test_without_the_extra_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """`import batch.sandbox` works; using it says pip install 'kling-batch[sandbox]'."""
    for name in [name for name in sys.modules if name.startswith("batch.sandbox.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(MissingExtra, match=r"pip install 'kling-batch\[sandbox\]'"):
        async with batch.sandbox.serve(Queue()):
            pass


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
    async with httpx.AsyncClient(verify=_trusting(Path(told["SSL_CERT_FILE"])), proxy=told["HTTPS_PROXY"]) as http:
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
    async with httpx.AsyncClient(verify=_trusting(Path(told["SSL_CERT_FILE"])), proxy=told["HTTPS_PROXY"]) as http:
        return await http.post(f"https://queue.fal.run/{PRO}", json=SHOT, headers={"Authorization": "Key x"})


def _trusting(authority: Path) -> "ssl.SSLContext":
    return ssl.create_default_context(cafile=authority)
