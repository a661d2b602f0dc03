"""The key: from the environment or a login, and told in words where there is none."""

from pathlib import Path

import pytest

from batch.errors import MissingKey
from batch.fal import credentials
from tests.support.fal_gateway import SHOT, gateway
from tests.support.wire_service import KEY, Wire, answering

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_surroundings")]


@pytest.mark.parametrize("key", ["", " ", "\n", "a b", f"{KEY}\n{KEY}", "schlüssel", "a\u0000b", "a\tb", "a\u00a0b"])
async def test_a_key_that_cannot_be_one_is_told_without_showing_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key at all, a newline or a space within: MissingKey, with where to get one or what to do."""
    if "\0" in key:
        monkeypatch.setattr(credentials, "fetch_auth_credentials", lambda: credentials.AuthCredentials("Key", key))
    else:
        monkeypatch.setenv("FAL_KEY", key)
    with pytest.raises(MissingKey, match="FAL_KEY") as told:
        gateway()
    assert not key.strip() or key not in str(told.value)


@pytest.mark.parametrize("key", [f"{KEY}\n", f"  {KEY}", f"{KEY}\r\n"])
async def test_a_key_with_space_around_it_is_taken(key: str, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from a file, a key ends in a newline."""
    monkeypatch.setenv("FAL_KEY", key)
    async with gateway() as service:
        await service.submit(SHOT)
    assert wire.posts[0].headers["authorization"] == f"Key {KEY}"


async def test_a_key_may_come_in_two_halves(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAL_KEY_ID and FAL_KEY_SECRET."""
    monkeypatch.delenv("FAL_KEY")
    name, _, secret = KEY.partition(":")
    monkeypatch.setenv("FAL_KEY_ID", name)
    monkeypatch.setenv("FAL_KEY_SECRET", secret)
    async with gateway() as service:
        await service.submit(SHOT)
    assert wire.posts[0].headers["authorization"] == f"Key {KEY}"


async def test_no_key_and_no_login_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where to get a key, and that the sandbox needs none."""
    monkeypatch.delenv("FAL_KEY")
    with pytest.raises(MissingKey, match=r"fal\.ai/dashboard/keys.*--sandbox"):
        gateway()


def log_in(home: Path, monkeypatch: pytest.MonkeyPatch, *tokens: str) -> None:
    """As `fal auth login` leaves it: a refresh token, and perhaps an access token."""
    monkeypatch.delenv("FAL_KEY")
    monkeypatch.setenv("FAL_HOME_DIR", str(home))
    (home / "auth0_token").write_text("\n".join(tokens))


async def test_a_login_is_sent_as_what_it_is(wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Bearer`, for submits and uploads alike."""
    token = "e30.eyJleHAiOiA5OTk5OTk5OTk5fQ.c2ln"  # {"exp": 9999999999}
    log_in(tmp_path, monkeypatch, "refresh", token)
    (tmp_path / "a.png").write_bytes(b"png")
    wire.act = answering(500, {"detail": "oh"})
    async with gateway(tmp_path) as service:
        await service.submit(SHOT)
        await service.prepare(SHOT | {"image_url": "file:a.png"})
    assert len(wire.heard) > 2
    assert {one.headers["authorization"] for one in wire.heard} == {f"Bearer {token}"}


async def test_a_login_that_cannot_be_renewed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network to renew it by: a line, not a traceback."""
    log_in(tmp_path, monkeypatch, "refresh")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(MissingKey, match="FAL_KEY"):
        gateway()
