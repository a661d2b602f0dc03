"""The videos of a sandbox of the batch's own: files in its folder, and no others."""

import asyncio
from pathlib import Path

import pytest

from batch.downloads.media_client import MediaClient
from batch.downloads.media_reply import MediaError, RefusedAddress
from batch.downloads.played_files import PlayedFiles
from tests.support.media_server import serving, trusted

BODY = bytes(3_000_000)


def fetched(folder: Path, url: str, start: int = 0, validator: str | None = None) -> tuple[int, bytes, str | None]:
    async def get() -> tuple[int, bytes, str | None]:
        async with (
            MediaClient(trusted(), public_only=False) as client,
            PlayedFiles(folder, client).get(url, start=start, validator=validator) as reply,
        ):
            return reply.status, b"".join([block async for block in reply.blocks]), reply.validator

    return asyncio.run(get())


def test_a_video_in_the_folder_is_read_from_where_one_likes(tmp_path: Path) -> None:
    """While it is the same."""
    video = tmp_path / "a video.mp4"
    video.write_bytes(BODY)
    status, body, tag = fetched(tmp_path, video.as_uri())
    assert (status, body) == (200, BODY)
    assert fetched(tmp_path, video.as_uri(), 1000, tag) == (206, BODY[1000:], tag)
    assert fetched(tmp_path, video.as_uri(), 1000, '"other"')[:2] == (200, BODY)


def test_nothing_else_on_the_disk_is_read(tmp_path: Path) -> None:
    """Nor by a way out of the folder, or by a link."""
    inside, outside = tmp_path / "sandbox", tmp_path / "secret.mp4"
    inside.mkdir()
    outside.write_bytes(BODY)
    (inside / "link.mp4").symlink_to(outside)
    for url in (
        outside.as_uri(),
        f"{inside.as_uri()}/../secret.mp4",
        (inside / "link.mp4").as_uri(),
        "file:///etc/passwd",
    ):
        with pytest.raises(RefusedAddress, match="no file of the sandbox"):
            fetched(inside, url)
    with pytest.raises(MediaError, match="no longer has it"):
        fetched(inside, (inside / "gone.mp4").as_uri())


def test_a_web_address_goes_to_the_client(tmp_path: Path) -> None:
    """This machine is the service here."""

    async def get() -> bytes:
        async with (
            serving({"/v.mp4": BODY}) as server,
            MediaClient(trusted(), public_only=False) as client,
            PlayedFiles(tmp_path, client).get(server.url("/v.mp4")) as reply,
        ):
            return b"".join([block async for block in reply.blocks])

    assert asyncio.run(get()) == BODY
