"""The morning after a night: a table whose rows have their videos, have failed, or are in doubt; files included."""

import functools
import io
import itertools
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from batch.commands.batch import Batch
from batch.core import states
from batch.core.gateway import Receipt
from batch.core.worker import FalCounts
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.ledger.run_history import RunHistory
from tests.support.sheets import PRICE, batch

BEGAN = 1_795_730_400.0
"""A Thursday evening, in seconds since 1970."""
HOSTILE = (
    "</script><script>document.title='run'</script>",
    "<img src=x onerror=\"document.title='run'\">",
    "'; \" onmouseover=\"document.title='run'\" ` ${document.title='run'}",
    "{{ 7 * 7 }} {% raw %} &lt;b&gt; &amp;",
    "left \u202ethgir\u202c and a tab\tand \u2028 a line",
    "]]> --> <!-- <style>*{display:none}</style>",
)
"""Prompts that would be markup, script or template where a page took them for it."""
ENDS = ("done", "done", "done", "failed", "done", "done", "doubt", "done", "broken", "waiting")
"""How the rows end, over and over."""


def a_morning(
    folder: Path,
    count: int,
    *,
    ends: Sequence[str] = ENDS,
    prompts: Sequence[str] = (),
    urls: str = "https://v3.fal.media/files/{}.mp4",
    files: bool = False,
    pictures: bool = True,
    name: str = "shots.csv",
    slots: int = 8,
) -> Batch:
    """A batch of so many rows, and how each has ended.

    Args:
        ends: `done`, `failed`, `broken` (with another kind of failure), `doubt`, `waiting`, `under way`; over and over.
        files: the videos stand beside the table, and play.
        slots: requests that run at once; each runs for five minutes.
    """
    words = prompts or [f"A boat at dawn, the camera drifts, take care of light {n}" for n in range(count)]
    rows = [("id", "prompt", "image", "tail_image")]
    rows += [
        (f"s{n + 1}", words[n % len(words)], f"images/{n % 6}.jpg" if pictures else f"https://x.y/{n % 6}.png", "")
        for n in range(count)
    ]
    if pictures:
        draw_pictures(folder / "images")
    text = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)
    given = batch(folder, text.replace("\0", ""), name)
    with Ledger.open(given.ledger) as ledger:
        match(ledger, given.manifest.plan(given.manifest.open()))
        enrol(ledger, BEGAN - 60, new=True)
        history = RunHistory(ledger, BEGAN)
        with ledger.transaction():
            for n, (row, end) in enumerate(zip(_rows(ledger), itertools.cycle(ends), strict=False)):
                _live(ledger, row, end, BEGAN + 300.0 * (n // slots), n, urls)
        for n in range(0, count, slots):
            history.note(BEGAN + 300.0 * (n // slots) + 1, FalCounts(min(slots, count - n), min(3, count - n)))
        history.end(BEGAN + 300.0 * (count // slots + 1), "")
        if files:
            put_files(given, ledger)
    return given


def _rows(ledger: Ledger) -> Iterator[int]:
    return (
        row for (row,) in ledger.db.execute("SELECT row FROM sheet WHERE row IS NOT NULL ORDER BY place").fetchall()
    )


def _live(ledger: Ledger, row: int, end: str, at: float, n: int, urls: str) -> None:
    if end == "waiting":
        return
    ledger.apply(row, states.claimed(at, None, PRICE))
    if end == "doubt":
        ledger.apply(row, states.reply_lost(at + 5, "the connection was lost before the reply"))
        return
    receipt = Receipt(f"req-{row}", "https://s", "https://r", "https://c")
    ledger.apply(row, states.accepted(at + 1, receipt))
    took = 280 + (n * 37) % 90
    match end:
        case "done":
            ledger.apply(row, states.succeeded(at + took, "{}", urls.format(f"req-{row}"), PRICE))
        case "failed":
            words = "The content could not be processed because it contained material flagged by a content checker."
            ledger.apply(row, states.failed(at + took, "content_policy_violation", words, 0))
        case "broken":
            ledger.apply(row, states.failed(at + took, "runner_disconnected", "Runner disconnected", PRICE))


def draw_pictures(folder: Path) -> None:
    """Six pictures, each of its own colours."""
    folder.mkdir(exist_ok=True)
    for n in range(6):
        (folder / f"{n}.jpg").write_bytes(a_picture(n))


@functools.cache
def a_picture(n: int, size: tuple[int, int] = (640, 360)) -> bytes:
    """A sky over water, at another time of day for each number."""
    sky, sea = Image.linear_gradient("L").resize(size), Image.new("L", size, 40 + 30 * n)
    out = io.BytesIO()
    Image.merge("RGB", (sky, sea, Image.new("L", size, 200 - 20 * n))).save(out, "JPEG", quality=85)
    return out.getvalue()


def put_files(given: Batch, ledger: Ledger) -> None:
    """Every video stands in the table's folder of videos, as a download leaves it."""
    folder = given.manifest.path.with_name(f"{given.manifest.path.name}.videos")
    folder.mkdir(exist_ok=True)
    found = ledger.db.execute("SELECT id, request_id FROM row WHERE state = 'succeeded'").fetchall()
    for n, (row, request_id) in enumerate(found):
        target = folder / f"{request_id}.mp4"
        shutil.copyfile(a_video(n % 3), target)
        ledger.db.execute(
            "INSERT OR REPLACE INTO video_file (request_id, row, path, name_key, size, sha256, done_at) "
            "VALUES (?, ?, ?, ?, 1, '', 1)",
            (request_id, row, f"{folder.name}/{target.name}", target.name),
        )


@functools.cache
def a_video(n: int) -> Path:
    """A second of film that a browser plays."""
    import av

    path = Path(tempfile.mkdtemp(prefix="kling-batch-film-"), f"{n}.mp4")
    picture = Image.open(io.BytesIO(a_picture(n * 2, (320, 180))))
    with av.open(str(path), "w", options={"movflags": "faststart"}) as film:
        stream = film.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for at in range(12):
            film.mux(stream.encode(av.VideoFrame.from_image(picture.rotate(at))))
        film.mux(stream.encode())
    return path
