"""The key goes to fal's own hosts, whatever an upload or a redirect says."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from batch.core.gateway import Prepared
from tests.support.foreign_hosts import BASE, OWN, SHOT, anyio_backend, gateway, require_key_at_home  # noqa: F401
from tests.support.wire_service import (
    KEY,
    Act,
    Heard,
    Line,
    Wire,
    answering,
    reply,
    the_authority,  # noqa: F401 - a fixture
    the_surroundings,  # noqa: F401 - a fixture
    the_wire,  # noqa: F401 - a fixture
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_surroundings")]


async def test_no_way_at_all_takes_the_key_elsewhere(wire: Wire) -> None:
    """Below everything: a request of any kind that somebody lets out to another host leaves without the key."""
    wire.act = answering(200, {})
    async with gateway() as service:
        for method in ("GET", "PUT", "POST", "DELETE"):
            await service._http.request(method, "https://evil.example.net/x")
            await service._http.request(
                method, "https://queue.fal.run.evil.example.net/x", headers={"AUTHORIZATION": KEY}
            )
            await service._http.request(method, "https://queue.fal.run/x")
    assert len(wire.heard) == 12
    require_key_at_home(wire)
    assert sum("authorization" in one.headers for one in wire.heard) == 4


async def test_a_redirect_takes_the_key_nowhere(wire: Wire) -> None:
    """Of a question and of a POST: it is an answer like any other, and followed by nobody."""
    for code in (301, 302, 303, 307, 308):
        wire.act = answering(code, raw=b"", headers={"location": "https://evil.example.net/"})
        async with gateway() as service:
            await service.poll(OWN)
            await service.submit(SHOT)
    assert {one.host for one in wire.heard} == {"queue.fal.run"}


def storage(token: Mapping[str, object]) -> Act:
    """fal's storage, whose first way fails and whose second one leads to a host of another name."""

    async def act(line: Line, heard: Heard) -> None:
        if heard.path.startswith("/storage/auth/token"):
            await line.send(reply(200, token))
        elif heard.path.startswith("/storage/upload/initiate"):
            urls = {
                "upload_url": "https://storage.example.net/put?signature=1",
                "file_url": "https://v3.fal.media/a.png",
            }
            await line.send(reply(200, urls))
        else:
            await line.send(reply(200 if heard.method == "PUT" else 503, {}))

    return act


async def test_an_upload_to_a_storage_of_another_name_goes_without_the_key(wire: Wire, tmp_path: Path) -> None:
    """fal-client's second way puts the bytes where the reply says: the address is signed, and needs no key."""
    (tmp_path / "a.png").write_bytes(b"image")
    wire.act = storage(
        {"token": "t", "token_type": "Bearer", "base_url": "https://evil.example.net", "expires_at": "x"}
    )
    async with gateway(tmp_path) as service:
        answer = await service.prepare(SHOT | {"image_url": "file:a.png"})
    assert answer == Prepared(SHOT | {"image_url": "https://v3.fal.media/a.png"}, uploaded=True)
    puts = [one for one in wire.heard if one.method == "PUT"]
    assert [(one.host, one.body) for one in puts] == [("storage.example.net", b"image")]
    require_key_at_home(wire)


async def test_the_token_of_an_upload_goes_to_fal_only(wire: Wire, tmp_path: Path) -> None:
    """Nothing goes where the token's reply says, neither the token nor the file."""
    (tmp_path / "a.png").write_bytes(b"image")
    token = {"token": "tt-ee-ss-tt", "token_type": "Bearer", "base_url": "https://evil.example.net"}
    wire.act = storage(token | {"expires_at": "2999-01-01T00:00:00+00:00"})
    async with gateway(tmp_path) as service:
        await service.prepare(SHOT | {"image_url": "file:a.png"})
    assert not [one for one in wire.heard if one.host == "evil.example.net"]
    told = [one.host for one in wire.heard if "tt-ee-ss-tt" in json.dumps(one.headers)]
    assert told == ["v3.fal.media"]
    require_key_at_home(wire)


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "http://v3.fal.media/a.png", ["x"], None, 7, "x" * 9000])
async def test_an_upload_that_is_given_no_address_is_put_off(url: object, wire: Wire, tmp_path: Path) -> None:
    """What a reply names as the file's address becomes an argument of a paid request: it has to be one."""
    (tmp_path / "a.png").write_bytes(b"image")
    wire.act = answering(
        200,
        {"token": "t", "token_type": "Bearer", "base_url": "x", "expires_at": "2999-01-01T00:00:00+00:00"}
        | {"access_url": url, "upload_url": "https://v3.fal.media/put", "file_url": url},
    )
    async with gateway(tmp_path) as service:
        assert not isinstance(await service.prepare(SHOT | {"image_url": "file:a.png"}), Prepared)
