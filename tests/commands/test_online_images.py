"""`check --online`: what the addresses of images answer, without the key, each asked once."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from PIL import Image

from batch.commands import online_images
from batch.commands.check import CheckReport, check
from batch.commands.online_images import ask_images
from batch.downloads.media_client import MediaClient
from batch.errors import Exit
from tests.support.media_server import MediaServer, Wrong, serving, trusted
from tests.support.mixed_models import PRO, models_of
from tests.support.sheets import batch


def png(width: int, height: int, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, kind)
    return out.getvalue()


FILES = {
    "/wide.png": png(1280, 720),
    "/square.png": png(600, 600),
    "/small.png": png(100, 100),
    "/page": b"<!doctype html><html><body>Sign in</body></html>",
    "/late.jpg": b"\xff\xd8" + (b"\xff\xe1\xff\xff" + bytes(65533)) * 2 + png(800, 600, "JPEG")[2:],
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MediaServer]:
    """On this machine, which only these tests may ask."""
    monkeypatch.setenv("FAL_KEY", "a-very-secret-key:with-a-secret-half")
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(online_images, "certificates", trusted)
    monkeypatch.setattr(
        online_images, "MediaClient", lambda *given, **how: MediaClient(*given, **how | {"public_only": False})
    )
    with start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(serving(FILES)) as server:
        yield server


def asked(tmp_path: Path, server: MediaServer, *rows: tuple[str, str]) -> CheckReport:
    """A check of rows with these images and tails."""
    lines = "".join(f"shot,{_url(server, image)},{_url(server, tail)}\n" for image, tail in rows)
    given = batch(tmp_path, f"prompt,image,tail_image\n{lines}")
    return check(given, ask=ask_images)


def _url(server: MediaServer, path: str) -> str:
    # The planner refuses addresses of this machine: they are asked under another name for it.
    return server.url(path).replace("localhost", "pictures.example.org") if path else ""


@pytest.fixture(autouse=True)
def under_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pictures.example.org` is this machine here."""
    real = MediaClient._checked

    def checked(client: MediaClient, url: str) -> object:
        return real(client, url.replace("pictures.example.org", "localhost"))

    monkeypatch.setattr(MediaClient, "_checked", checked)


def test_a_usable_picture_is_no_problem_and_is_asked_for_once(tmp_path: Path, server: MediaServer) -> None:
    """However many rows name it; never with the key."""
    report = asked(tmp_path, server, ("/wide.png", ""), ("/wide.png", ""), ("/wide.png", "/wide.png"))
    assert report.exit_code is Exit.DONE
    assert report.online
    assert (report.online.asked, report.online.problems, report.online.warnings) == (1, [], [])
    assert [one.path for one in server.asked] == ["/wide.png"] * 2
    assert "secret" not in str(server.asked)
    assert not any("authorization" in one.headers for one in server.asked)


def test_what_is_no_picture_or_not_there_is_a_problem_of_its_rows(tmp_path: Path, server: MediaServer) -> None:
    """With the row, the column, the address and the reason."""
    report = asked(tmp_path, server, ("/page", ""), ("/gone.png", ""), ("/wide.png", "/gone.png"))
    assert report.exit_code is Exit.ROWS_FAILED
    told = report.text(every=True)
    assert "row 2, column image: " in told
    assert "is a web page, perhaps the one to sign in on, and no picture" in told
    assert "row 3, column image: " in told
    assert "row 4, column tail_image: " in told
    assert told.count("cannot be fetched: HTTP 404") == 2
    assert len(report.json()["online_problems"]) == 3
    assert report.json()["images_asked"] == 3


def test_size_and_shape_are_judged_as_for_files(tmp_path: Path, server: MediaServer) -> None:
    """Also where a long preface stands before what tells them."""
    report = asked(tmp_path, server, ("/small.png", ""), ("/late.jpg", ""), ("/wide.png", "/square.png"))
    assert report.exit_code is Exit.DONE
    assert report.online
    assert [(one.number, one.column, one.message.split(" ", 1)[1]) for one in report.online.warnings] == [
        (2, "image", "is 100 × 100 px; fal asks for at least 300 × 300"),
        (4, "tail_image", "an aspect ratio of 1.00, and the image has 1.78"),
    ]


def test_a_server_that_knows_no_head_is_asked_all_the_same(tmp_path: Path, server: MediaServer) -> None:
    """Its GET tells."""
    server.wrong["/wide.png"] = [Wrong(status=405)]
    report = asked(tmp_path, server, ("/wide.png", ""))
    assert report.online
    assert report.online.problems == []


def test_a_server_that_does_not_answer_is_not_waited_for(
    tmp_path: Path, server: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is one that sends without end: what is read is bounded."""
    monkeypatch.setattr(online_images, "SECONDS", 0.3)
    server.for_ever["/slow"] = Wrong(stall=0.5, body=png(600, 600))
    server.for_ever["/endless"] = Wrong(endless=True, body=png(600, 600))
    report = asked(tmp_path, server, ("/slow", ""))
    assert "cannot be fetched" in report.text()
    report = asked(tmp_path, server, ("/endless", ""))
    assert server.sent < 60_000_000


def test_each_picture_of_a_list_is_asked_for(tmp_path: Path, server: MediaServer) -> None:
    """Of a row that names another model too: its column is told as the table calls it."""
    edit = replace(
        PRO,
        name="edit",
        endpoint="fal-ai/edit",
        schema={
            "type": "object",
            "properties": {"prompt": {"type": "string"}, "image_urls": {"type": "array", "items": {"type": "string"}}},
            "required": ["prompt", "image_urls"],
        },
        columns={"prompt": ("prompt",), "image_urls": ("pictures",)},
        images=("image_urls",),
    )
    given = batch(
        tmp_path,
        "model,prompt,image,Pictures\n"
        f"edit,a,,{_url(server, '/wide.png')};{_url(server, '/page')}\n,b,{_url(server, '/wide.png')},\n",
    )
    given = replace(given, manifest=replace(given.manifest, models=models_of(edit)))
    report = check(given, ask=ask_images)
    assert report.online is not None
    assert report.online.asked == 2
    (problem,) = report.online.problems
    assert (problem.number, problem.column) == (2, "Pictures")
    assert "/page" in problem.message


def test_without_it_nobody_is_asked(tmp_path: Path, server: MediaServer) -> None:
    """`check` promises no network."""
    given = batch(tmp_path, f"prompt,image\nshot,{_url(server, '/gone.png')}\n")
    report = check(given)
    assert report.exit_code is Exit.DONE
    assert report.json()["images_asked"] is None
    assert server.asked == []
