"""One video to its file, whatever the server does: whole and checked under its name, or not there at all."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from batch.core.video_files import VideoFile, WantedVideo
from batch.downloads import downloader
from batch.downloads.downloader import Downloader, NameTaken, part_of
from batch.downloads.media_client import MediaClient
from batch.downloads.media_reply import MediaError
from tests.support.media_server import MediaServer, Wrong, serving, trusted
from tests.support.mp4_files import an_mp4

VIDEO = an_mp4(300_000)
FACTS = VideoFile(len(VIDEO), hashlib.sha256(VIDEO).hexdigest())


class Try:
    """A server, a downloader, and what it has written down."""

    def __init__(self, folder: Path, server: MediaServer, client: MediaClient) -> None:
        self.server = server
        self.target = folder / "v.mp4"
        self.part = part_of(self.target)
        self.validator: str | None = None
        self.table = folder / "shots.csv"
        self.table.touch()
        self._downloader = Downloader(client, self.table, self._keep)

    async def _keep(self, request_id: str, validator: str | None) -> None:
        assert request_id == "r1"
        assert self.part.stat().st_size == 0  # what is there is of nobody before it is written down whose it is
        self.validator = validator

    async def bring(self, **what: Any) -> VideoFile:
        given = {"size": len(VIDEO), "seconds": 5.0} | what
        wanted = WantedVideo(
            request_id="r1", row=1, number=2, url=self.server.url("/v.mp4"), id="s1", planned="v", **given
        )
        return await self._downloader.bring(wanted, self.target, self.validator)

    async def fails(self, match: str, **what: Any) -> None:
        with pytest.raises(MediaError, match=match):
            await self.bring(**what)
        assert not self.target.exists()


def trying(tmp_path: Path, check: Callable[[Try], Awaitable[None]], *, stall_seconds: float = 30.0) -> None:
    async def both() -> None:
        async with (
            serving({"/v.mp4": VIDEO}) as server,
            MediaClient(trusted(), public_only=False, stall_seconds=stall_seconds) as client,
        ):
            await check(Try(tmp_path, server, client))

    asyncio.run(both())


@pytest.mark.parametrize("size", [len(VIDEO), None])
@pytest.mark.parametrize("wrong", [Wrong(), Wrong(chunked=True), Wrong(packed=True), Wrong(etag="")])
def test_a_video_comes_whole_and_only_then_under_its_name(tmp_path: Path, wrong: Wrong, size: int | None) -> None:
    """Whether its length is said or not; its size and digest are told."""

    async def check(one: Try) -> None:
        one.server.wrong["/v.mp4"] = [wrong]
        assert await one.bring(size=size) == FACTS
        assert one.target.read_bytes() == VIDEO
        assert not one.part.exists()

    trying(tmp_path, check)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_cut_is_gone_on_from(tmp_path: Path, share: float) -> None:
    """No byte is fetched twice."""

    async def check(one: Try) -> None:
        one.server.wrong["/v.mp4"] = [Wrong(cut=share)]
        await one.fails("broke off")
        assert 0 < one.part.stat().st_size < len(VIDEO)
        assert await one.bring() == FACTS
        assert one.server.sent <= len(VIDEO) * 1.05
        assert one.server.asked[1].headers["if-range"] == one.validator

    trying(tmp_path, check)


def test_a_stall_is_gone_on_from(tmp_path: Path) -> None:
    """It is waited for a while."""

    async def check(one: Try) -> None:
        one.server.wrong["/v.mp4"] = [Wrong(stall=0.5)]
        await one.fails("next to nothing")
        assert await one.bring() == FACTS
        assert one.server.sent <= len(VIDEO) * 1.05

    trying(tmp_path, check, stall_seconds=0.3)


@pytest.mark.parametrize("wrong", [Wrong(whole=True), Wrong(etag='"changed"')])
def test_where_it_cannot_be_gone_on_it_begins_anew(tmp_path: Path, wrong: Wrong) -> None:
    """A `Range` that is ignored, a file that has changed: no two are mixed."""

    async def check(one: Try) -> None:
        one.server.wrong["/v.mp4"] = [Wrong(cut=0.5), wrong]
        await one.fails("broke off")
        assert await one.bring() == FACTS
        assert one.target.read_bytes() == VIDEO

    trying(tmp_path, check)


def test_without_a_tag_nothing_is_gone_on_from(tmp_path: Path) -> None:
    """Nobody could say that the rest is of the same file."""

    async def check(one: Try) -> None:
        one.server.wrong["/v.mp4"] = [Wrong(cut=0.5, etag=""), Wrong(etag="")]
        await one.fails("broke off")
        assert await one.bring() == FACTS
        assert "range" not in one.server.asked[1].headers

    trying(tmp_path, check)


def test_another_file_behind_the_same_address_is_not_mixed_in(tmp_path: Path) -> None:
    """Its ETag differs, so it comes whole."""

    async def check(one: Try) -> None:
        one.server.wrong["/v.mp4"] = [Wrong(cut=0.5)]
        await one.fails("broke off")
        one.server.files["/v.mp4"] = other = an_mp4(len(VIDEO), seed=2)
        assert (await one.bring()).sha256 == hashlib.sha256(other).hexdigest()

    trying(tmp_path, check)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (Wrong(status=404), "HTTP 404"),
        (Wrong(status=503), "HTTP 503"),
        (Wrong(length=len(VIDEO) + 7), "307 bytes|300,007 bytes"),
        (Wrong(body=b"<html>Bad Gateway</html>"), "24 bytes"),
        (Wrong(body=an_mp4(len(VIDEO), seconds=10.0)), "lasts 10.0 s, and 5 s were bought"),
        (Wrong(body=b"<html>".ljust(len(VIDEO))), "a web page, and no video"),
        (Wrong(body=b""), "0 bytes"),
        (Wrong(endless=True), "more than 300,000 bytes come"),
        (Wrong(packed=True, body=VIDEO * 2), "more than 300,000 bytes come"),
    ],
)
def test_what_is_not_the_video_is_none_and_leaves_nothing_to_go_on_from(
    tmp_path: Path, wrong: Wrong, what: str
) -> None:
    """The next try gets it."""

    async def check(one: Try) -> None:
        one.server.wrong["/v.mp4"] = [wrong]
        await one.fails(what)
        assert not one.part.exists() or one.part.stat().st_size == 0
        assert await one.bring() == FACTS

    trying(tmp_path, check)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (Wrong(body=b"<html>Bad Gateway</html>"), "a web page"),
        (Wrong(body=VIDEO[:-1]), "1 bytes are missing"),
        (Wrong(body=b""), "is empty"),
        (Wrong(length=len(VIDEO) - 9), "9 bytes are missing"),
        (Wrong(length=len(VIDEO) + 9), "broke off"),
        (Wrong(endless=True), "more than 1,000,000 bytes come"),
    ],
)
def test_where_fal_does_not_say_how_large_it_is_its_boxes_do(
    tmp_path: Path, wrong: Wrong, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a body without an end has one."""
    monkeypatch.setattr(downloader, "MOST_BYTES", 1_000_000)

    async def check(one: Try) -> None:
        one.server.wrong["/v.mp4"] = [wrong]
        await one.fails(what, size=None)
        assert await one.bring(size=None) == FACTS
        assert one.server.sent < 30_000_000  # what the network holds goes, too

    trying(tmp_path, check)


def test_a_video_that_says_it_has_the_size_of_a_film_is_not_fetched(tmp_path: Path) -> None:
    """Not a byte of it."""

    async def check(one: Try) -> None:
        one.server.wrong["/v.mp4"] = [Wrong(length=10**12)]
        await one.fails("no video of some seconds", size=None)
        assert one.part.stat().st_size == 0

    trying(tmp_path, check)


def test_what_came_to_its_end_before_a_kill_is_not_fetched_again(tmp_path: Path) -> None:
    """All of it in the `.part` file, or under its name already."""

    async def check(one: Try) -> None:
        one.part.write_bytes(VIDEO)
        assert await one.bring() == FACTS
        assert one.server.asked == []
        assert await one.bring() == FACTS
        assert one.server.asked == []
        one.target.rename(one.part)
        one.validator = f'"{hash(VIDEO) & 0xFFFFFFFF:x}"'
        assert await one.bring(size=None) == FACTS  # fal does not say how large it is: the server does
        assert one.server.sent == 0

    trying(tmp_path, check)


def test_a_part_that_is_longer_than_the_file_begins_anew(tmp_path: Path) -> None:
    """It is not of this file, whatever was written down."""

    async def check(one: Try) -> None:
        one.part.write_bytes(VIDEO + b"more")
        one.validator = f'"{hash(VIDEO) & 0xFFFFFFFF:x}"'
        await one.fails("HTTP 416")
        assert await one.bring() == FACTS

    trying(tmp_path, check)


def test_a_file_of_the_users_is_left_alone(tmp_path: Path) -> None:
    """It gets another name (see the queue)."""

    async def check(one: Try) -> None:
        one.target.write_text("my notes")
        with pytest.raises(NameTaken):
            await one.bring()
        assert one.target.read_text() == "my notes"
        assert one.server.asked == []

    trying(tmp_path, check)


def test_a_video_may_be_read_by_whom_the_table_may(tmp_path: Path) -> None:
    """Not wider, not even while it comes."""

    async def check(one: Try) -> None:
        one.table.chmod(0o600)
        one.server.wrong["/v.mp4"] = [Wrong(cut=0.5)]
        await one.fails("broke off")
        assert one.part.stat().st_mode & 0o777 == 0o600
        await one.bring()
        assert one.target.stat().st_mode & 0o777 == 0o600

    trying(tmp_path, check)
