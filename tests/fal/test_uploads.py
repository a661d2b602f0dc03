"""Local images: each uploaded once, and every failure an answer for its row."""

import asyncio
import io
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from batch.core.gateway import AccountRefused, NotSent, Prepared, Refused
from batch.core.object_lifecycle import ObjectLifecycle
from batch.core.upload_book import KnownUpload
from batch.fal import uploads
from batch.fal.client import FalGateway
from batch.fal.redact import Redactor
from batch.manifest.images import inspect
from batch.manifest.upload_forms import upload_form
from batch.sandbox import Address, Faults
from jobs.kling import KLING_2_1_PRO
from tests.support.fal_gateway import SHOT, gateway
from tests.support.wire_service import Wire

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("plain_surroundings")]


async def test_an_image_is_uploaded_once_for_many_rows(sandbox: Address, tmp_path: Path) -> None:
    """At the same time and one after the other; a changed file is another image."""
    image = tmp_path / "a.png"
    image.write_bytes(b"one")
    row = SHOT | {"image_url": "file:a.png", "tail_image_url": "file:a.png"}
    async with gateway(tmp_path) as service:
        prepared = await asyncio.gather(*(service.prepare(row) for _ in range(20)))
        prepared.append(await service.prepare(row))
        assert sandbox.fault_injector.requests["upload"] == 1
        ready = [one.arguments for one in prepared if isinstance(one, Prepared)]
        assert len(ready) == 21
        urls = {str(arguments[name]) for arguments in ready for name in ("image_url", "tail_image_url")}
        assert len(urls) == 1
        image.write_bytes(b"another")
        again = await service.prepare(row)
        assert sandbox.fault_injector.requests["upload"] == 2
    assert isinstance(again, Prepared)
    assert again.arguments["image_url"] not in urls
    assert again.arguments["prompt"] == "a ship"
    assert row["image_url"] == "file:a.png"


@pytest.mark.parametrize("name", ["Hafenmöwe.jpg", "船.PNG", "a b'\";.webp", "kein-suffix", "ö.jpög", "a.j\npg", "🚢"])
async def test_an_image_may_have_any_name(name: str, sandbox: Address, tmp_path: Path) -> None:
    """Headers take no umlauts; the name is not sent."""
    (tmp_path / name).write_bytes(b"image")
    async with gateway(tmp_path) as service:
        answer = await service.prepare(SHOT | {"image_url": f"file:{name}"})
    assert isinstance(answer, Prepared)
    assert re.fullmatch(r"https://\S+", str(answer.arguments["image_url"]))


@pytest.mark.parametrize(
    ("start", "name", "described"),
    [
        (b"\xff\xd8\xff\xe0", "kite.png", ("image/jpeg", "image.jpg")),
        (b"\xff\xd8\xff\xe0", "kite.txt", ("image/jpeg", "image.jpg")),
        (b"\x89PNG\r\n\x1a\n", "Möwe", ("image/png", "image.png")),
        (b"RIFF\0\0\0\0WEBP", "kite.jpeg", ("image/webp", "image.webp")),
        (b"\0\0\x02", "kite.bmp", ("application/octet-stream", "image")),
    ],
)
async def test_an_image_goes_up_as_what_it_is(
    start: bytes, name: str, described: tuple[str, str], tmp_path: Path
) -> None:
    """By its bytes, whatever it is called; nothing of its name is sent."""
    sent: list[tuple[str, str]] = []

    async def upload(body: uploads.UploadBody) -> str:
        assert body.size == body.source.stat().st_size  # type: ignore[union-attr]
        sent.append((body.media_type, body.name))
        return "https://v3.fal.media/files/a"

    (tmp_path / name).write_bytes(start + bytes(20))
    images = uploads.Uploads(
        KLING_2_1_PRO, lambda cell: tmp_path / cell if cell == name else None, upload, Redactor([])
    )
    assert isinstance(await images.prepare(SHOT | {"image_url": name}), Prepared)
    assert sent == [described]


async def test_other_files_go_up_as_their_names_end(tmp_path: Path) -> None:
    """Sound and video are no pictures, and are not judged as such; in a list, each in its place."""
    sent: list[tuple[str, str]] = []

    async def upload(body: uploads.UploadBody) -> str:
        sent.append((body.media_type, body.name))
        return f"https://v3.fal.media/files/{len(sent)}"

    names = ["Möwe.mp3", "a.mp4", "ohne", "kite.png"]
    for name in names:
        (tmp_path / name).write_bytes(painted("PNG"))
    job = replace(KLING_2_1_PRO, files=["sounds"])
    files = uploads.Uploads(
        job, lambda cell: tmp_path / cell if cell in names else None, upload, Redactor([]), form=upload_form
    )
    answer = await files.prepare({"image_url": "kite.png", "sounds": [*names, "https://x.y/a.wav"]})
    assert isinstance(answer, Prepared)
    assert sent == [
        ("image/png", "image.png"),
        ("audio/mpeg", "file.mp3"),
        ("video/mp4", "file.mp4"),
        ("application/octet-stream", "file"),
        ("image/png", "image.png"),
    ]
    urls = [f"https://v3.fal.media/files/{number}" for number in range(1, 6)]
    assert answer.arguments == {"image_url": urls[0], "sounds": [*urls[1:], "https://x.y/a.wav"]}


def painted(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("name", ["kite.png", "kite.jpg", "kite.txt"])
@pytest.mark.parametrize(
    ("after", "described"),
    [
        (painted("JPEG"), ("image/jpeg", "image.jpg")),
        (painted("PNG"), ("image/png", "image.png")),
        (painted("WEBP"), ("image/webp", "image.webp")),
        (painted("TGA"), ("image/x-tga", "image.tga")),
        (painted("PNG")[:40], "is a picture (PNG), but damaged or cut short"),
        (b"%PDF-1.7\n", "is a PDF, and no picture"),
        (b"<!doctype html><title>Sign in</title>", "no picture"),
        (b"", "is empty (0 bytes)"),
        (b"\xff\xd8\xff\xe0", "is a picture (JPEG), but damaged"),
    ],
    ids=["JPEG", "PNG", "WEBP", "TGA", "cut", "PDF", "page", "empty", "damaged"],
)
async def test_a_picture_that_was_changed_since_goes_up_as_what_is_read(
    after: bytes, described: tuple[str, str] | str, name: str, tmp_path: Path
) -> None:
    """Decoded once more, of the very bytes that are sent; what is no picture any more refuses its row, unsent."""
    sent: list[tuple[bytes, str, str]] = []

    async def upload(body: uploads.UploadBody) -> str:
        assert isinstance(body.source, Path)
        sent.append((body.source.read_bytes(), body.media_type, body.name))
        return "https://v3.fal.media/files/a"

    path = tmp_path / name
    path.write_bytes(painted("GIF"))
    assert inspect(path).problem is None
    path.write_bytes(after)
    images = uploads.Uploads(
        KLING_2_1_PRO, lambda cell: path if cell == name else None, upload, Redactor([]), form=upload_form
    )
    answer = await images.prepare(SHOT | {"image_url": name})
    if isinstance(described, str):
        assert isinstance(answer, Refused)
        assert (answer.error_type, described in answer.message, sent) == ("image_unreadable", True, [])
        assert "it was changed since it was checked" in answer.message
    else:
        assert isinstance(answer, Prepared)
        assert sent == [(after, *described)]


async def test_an_address_and_a_data_uri_go_as_they_are(wire: Wire, service: FalGateway) -> None:
    """Nothing is uploaded where nothing is local."""
    row = SHOT | {"tail_image_url": "data:image/png;base64,AAAA"}
    assert await service.prepare(row) == Prepared(row)
    assert wire.heard == []


async def test_an_image_that_vanished_refuses_its_row(wire: Wire, tmp_path: Path) -> None:
    """Gone, a folder in its place, a file in place of its folder: Refused with the path; nothing is sent."""
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("")
    async with gateway(tmp_path) as service:
        for cell in ("file:gone.png", "file:folder.png", "file:file/a.png"):
            answer = await service.prepare(SHOT | {"image_url": cell})
            assert isinstance(answer, Refused)
            assert answer.error_type == "image_unreadable"
            assert str(tmp_path / cell[5:]) in answer.message
    assert wire.heard == []


async def test_an_upload_without_a_network_is_put_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NotSent: the row waits, and is none the worse for it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    (tmp_path / "a.png").write_bytes(b"image")
    async with gateway(tmp_path) as service:
        assert isinstance(await service.prepare(SHOT | {"image_url": "file:a.png"}), NotSent)


@pytest.mark.parametrize(
    ("faults", "answer"),
    [
        ("token=401 initiate=401", AccountRefused),
        ("token=403_locked initiate=403_locked", AccountRefused),
        ("token=500 initiate=500", NotSent),
        ("token=503 initiate=cut_after", NotSent),
        ("token=503 initiate=garbage", NotSent),
        ("token=503 put=400", Refused),
        ("token=503 initiate=413", Refused),
        ("upload=400 initiate=422", Refused),
        ("token=503", Prepared),
        ("upload=400", Prepared),
    ],
)
async def test_a_refused_upload_has_its_answer(faults: str, answer: type, sandbox: Address, tmp_path: Path) -> None:
    """The account stops the batch, the service's troubles pass, the file's own refusal ends the row."""
    sandbox.fault_injector.plan(Faults.parse(faults))
    (tmp_path / "a.png").write_bytes(b"image")
    async with gateway(tmp_path) as service:
        assert isinstance(await service.prepare(SHOT | {"image_url": "file:a.png"}), answer)
    assert sandbox.fault_injector.requests["submit"] == 0


async def test_an_upload_that_hangs_holds_nobody_up_for_ever(
    sandbox: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fal-client sets no limit to one of its ways: ours ends it, and the next row may try."""
    monkeypatch.setattr(uploads, "UPLOAD_SECONDS", 0.3)
    sandbox.fault_injector.plan(Faults.parse("token=503 put:1=silent"))
    (tmp_path / "a.png").write_bytes(b"image")
    row = SHOT | {"image_url": "file:a.png"}
    async with gateway(tmp_path) as service:
        assert isinstance(await service.prepare(row), NotSent)
        monkeypatch.setattr(uploads, "UPLOAD_SECONDS", 30.0)
        assert isinstance(await service.prepare(row), Prepared)


# Once for all tables


class Book:
    """What was uploaded before, kept in memory; two runs may share it."""

    def __init__(self) -> None:
        self.urls: dict[str, tuple[str, float, float | None]] = {}
        self.claimed: set[str] = set()
        self.lock = threading.Lock()

    def known(self, digest: str, now: float) -> KnownUpload | None:
        found = self.urls.get(digest)
        return KnownUpload(*found) if found and (found[2] is None or found[2] > now) else None

    def claim(self, digest: str, now: float) -> bool:
        with self.lock:
            free = digest not in self.claimed and digest not in self.urls
            if free:
                self.claimed.add(digest)
            return free

    def keep(self, digest: str, url: str, now: float, expires_at: float | None) -> None:
        self.urls[digest] = url, now, expires_at
        self.claimed.discard(digest)

    def prove(self, digest: str, now: float) -> None:
        url, _, expires_at = self.urls[digest]
        self.urls[digest] = url, now, expires_at

    def forget(self, digest: str) -> None:
        self.claimed.discard(digest)
        self.urls.pop(digest, None)


class Tries:
    """Uploads that are counted, and addresses that are asked for."""

    def __init__(self, folder: Path, book: Book, *, there: bool = True) -> None:
        self.sent: list[str] = []
        self.asked: list[str] = []
        self.there = there
        self.now = 1_800_000_000.0
        self.fails = 0
        self.images = uploads.Uploads(
            KLING_2_1_PRO,
            lambda cell: folder / cell[5:] if cell.startswith("file:") else None,
            self.upload,
            Redactor([]),
            is_there=self.is_there,
            book=book,
            now=lambda: self.now,
        )

    async def upload(self, body: uploads.UploadBody) -> str:
        await asyncio.sleep(0)
        if self.fails:
            self.fails -= 1
            raise ConnectionError("no network")
        self.sent.append(str(body.source))
        return f"https://v3.fal.media/files/{len(self.sent)}-{id(self)}"

    async def is_there(self, url: str) -> bool:
        self.asked.append(url)
        return self.there

    async def prepare(self, name: str = "a.png") -> object:
        return await self.images.prepare(SHOT | {"image_url": f"file:{name}"})


async def test_a_picture_goes_up_once_over_files_runs_and_tables(tmp_path: Path) -> None:
    """By its content: a copy of it is the same picture, whatever it is called."""
    (tmp_path / "a.png").write_bytes(b"picture")
    (tmp_path / "copy.png").write_bytes(b"picture")
    (tmp_path / "other.png").write_bytes(b"another")
    book = Book()
    first, second = Tries(tmp_path, book), Tries(tmp_path, book)
    await first.prepare()
    await first.prepare("copy.png")
    await second.prepare("copy.png")
    await second.prepare("other.png")
    assert (len(first.sent), len(second.sent)) == (1, 1)
    assert second.asked == []


async def test_a_picture_that_is_saved_anew_while_it_goes_up_is_kept_under_no_bytes(tmp_path: Path) -> None:
    """Neither as what it was nor as what it is: a row of another table would get a video of another picture."""
    path, book = tmp_path / "a.png", Book()
    path.write_bytes(b"picture")
    run = Tries(tmp_path, book)
    plain = run.upload

    async def saved_meanwhile(body: uploads.UploadBody) -> str:
        path.write_bytes(b"another picture")
        return await plain(body)

    run.images._upload = saved_meanwhile
    answer = await run.prepare()
    assert isinstance(answer, Refused)
    assert "saved anew while it went up" in answer.message
    assert (book.urls, book.claimed) == ({}, set())
    run.images._upload = plain
    assert isinstance(await run.prepare(), Prepared)
    assert len(book.urls) == 1


async def test_two_runs_at_once_upload_each_picture_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second waits for the first."""
    monkeypatch.setattr(uploads, "ELSEWHERE_SECONDS", 0.001)
    for n in range(50):
        (tmp_path / f"{n}.png").write_bytes(b"picture %d" % n)
    book = Book()
    runs = [Tries(tmp_path, book), Tries(tmp_path, book)]
    answers = await asyncio.gather(*(run.prepare(f"{n}.png") for n in range(50) for run in runs))
    assert len(runs[0].sent) + len(runs[1].sent) == 50
    assert all(isinstance(one, Prepared) for one in answers)
    assert len({one.arguments["image_url"] for one in answers if isinstance(one, Prepared)}) == 50


async def test_an_address_is_proven_before_it_is_used_after_a_day(tmp_path: Path) -> None:
    """One that is gone is uploaded anew; one that is there is good for another day."""
    (tmp_path / "a.png").write_bytes(b"picture")
    book = Book()
    await Tries(tmp_path, book).prepare()
    later = Tries(tmp_path, book)
    later.now += uploads.PROVEN_SECONDS + 1
    await later.prepare()
    assert (len(later.sent), len(later.asked)) == (0, 1)
    again = Tries(tmp_path, book)
    again.now = later.now + 1
    await again.prepare()
    assert (len(again.sent), again.asked) == (0, [])
    gone = Tries(tmp_path, book, there=False)
    gone.now = later.now + uploads.PROVEN_SECONDS + 1
    await gone.prepare()
    assert (len(gone.sent), len(gone.asked)) == (1, 1)
    assert book.urls[next(iter(book.urls))][2] == gone.now + uploads.USUAL_SECONDS


async def test_an_upload_that_fails_is_let_go_of(tmp_path: Path) -> None:
    """It is no failure of the row, and whoever comes next may try at once."""
    (tmp_path / "a.png").write_bytes(b"picture")
    book = Book()
    run = Tries(tmp_path, book)
    run.fails = 1
    assert isinstance(await run.prepare(), NotSent)
    assert book.claimed == set()
    assert isinstance(await run.prepare(), Prepared)


async def test_a_file_goes_up_as_it_is_and_is_not_read_into_memory(
    sandbox: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 MB arrive byte for byte, in either way; nobody ever asks for all of them at once."""
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 80_000
    (tmp_path / "a.png").write_bytes(picture)
    really = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read whole"))
    for faults in ("", "token=503"):
        sandbox.fault_injector.plan(Faults.parse(faults))
        async with gateway(tmp_path) as service:
            answer = await service.prepare(SHOT | {"image_url": "file:a.png"})
        assert isinstance(answer, Prepared)
    kept = [really(path) for path in (tmp_path / "sandbox").rglob("*.png")]
    assert kept == [picture, picture]


async def test_how_long_files_are_kept_is_told_with_uploads_and_submits(wire: Wire, tmp_path: Path) -> None:
    """By fal's own headers, and not at all where nobody said it."""
    (tmp_path / "a.png").write_bytes(b"picture")
    for lifecycle in (ObjectLifecycle.read("30d"), None):
        wire.heard.clear()
        local = lambda cell: tmp_path / cell[5:] if cell.startswith("file:") else None  # noqa: E731
        async with FalGateway(KLING_2_1_PRO, local=local, lifecycle=lifecycle) as service:
            await service.prepare(SHOT | {"image_url": "file:a.png"})
            await service.submit(SHOT)
        told = [dict(one.headers).get("x-fal-object-lifecycle-preference") for one in wire.heard]
        assert wire.heard
        if lifecycle is None:
            assert set(told) == {None}
        else:
            assert told[-1] == '{"expiration_duration_seconds":2592000}'
            assert told.count(told[-1]) >= 2
