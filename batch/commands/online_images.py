"""`check --online`: asks the web addresses of images whether a usable picture is there, each once."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

import anyio

from batch.commands.batch import Batch
from batch.commands.check import OnlineFindings
from batch.core.row import Problem
from batch.downloads.media_client import MediaClient
from batch.downloads.media_reply import MediaError
from batch.fal.transport import certificates
from batch.ledger.ledger import Ledger
from batch.ledger.video_records import NamedRow, named_rows
from batch.manifest.column_report import ColumnReport
from batch.manifest.images import PictureHead, inspect_head

AT_ONCE = 16
SECONDS = 10.0
"""For one address, all that is asked of it."""
START, MOST = 1 << 16, 32_000_000
"""Bytes that are read of a picture first, and where these do not tell its size."""
ASPECT_TOLERANCE = 0.02
_HEAD_UNKNOWN = frozenset({403, 405, 501})
"""What servers answer to HEAD that do not know it: a GET tells."""


@dataclass(frozen=True, slots=True)
class _Use:
    """Where a table names an address."""

    number: int
    id: str
    title: str
    """Of its column."""


def ask_images(batch: Batch, ledger: Ledger, columns: ColumnReport) -> OnlineFindings:
    """Every address once, never with fal's key. After `enrol` on the same ledger."""
    uses: dict[str, list[_Use]] = {}
    for row in named_rows(ledger):
        for name in batch.manifest.jobs.shown(row.endpoint).images:
            for address in _addresses(row, name):
                uses.setdefault(address, []).append(_Use(row.number, row.id, _title(batch, columns, row, name)))
    found: dict[str, PictureHead] = {}
    if uses:
        anyio.run(partial(_ask_all, batch, list(uses), found))
    problems, warnings = list[Problem](), list[Problem]()
    for url, places in uses.items():
        shown = url if len(url) <= 80 else f"{url[:77]}…"
        for use in places:
            told = [found[url].problem] if found[url].problem else []
            problems += [Problem(use.number, use.title, f"{shown} {why}", use.id) for why in told]
            warnings += [Problem(use.number, use.title, f"{shown} {one}", use.id) for one in found[url].warnings]
    for row in named_rows(ledger):
        warnings += _beside(batch, row, found, columns)
    return OnlineFindings(len(uses), problems, warnings)


def _addresses(row: NamedRow, name: str) -> list[str]:
    """The web addresses in an input that holds a picture, or a list of them."""
    value = row.arguments.get(name) or ""
    cells = [str(cell) for cell in (value if isinstance(value, list) else [value])]
    return [cell for cell in cells if cell.lower().startswith(("http://", "https://"))]


def _title(batch: Batch, columns: ColumnReport, row: NamedRow, name: str) -> str:
    """What the table calls an input of a row's model."""
    job = batch.manifest.jobs.shown(row.endpoint)
    read = next((one.read for one in (columns, *columns.others) if one.model == job.name), columns.read)
    return read.get(job.columns[name][0], name)


def _beside(batch: Batch, row: NamedRow, found: Mapping[str, PictureHead], columns: ColumnReport) -> list[Problem]:
    """A tail that is of another shape than its image."""
    heads = [(name, found.get(str(row.arguments.get(name)))) for name in batch.manifest.jobs.shown(row.endpoint).images]
    known = [(name, head.width / head.height) for name, head in heads if head and head.height]
    if len(known) < 2 or abs(known[1][1] / known[0][1] - 1) <= ASPECT_TOLERANCE:
        return []
    (first, one), (last, other) = known[:2]
    message = f"has an aspect ratio of {other:.2f}, and the {_title(batch, columns, row, first)} has {one:.2f}"
    return [Problem(row.number, _title(batch, columns, row, last), message, row.id)]


async def _ask_all(batch: Batch, urls: list[str], found: dict[str, PictureHead]) -> None:
    limiter = anyio.CapacityLimiter(AT_ONCE)
    public = not batch.sandbox
    async with MediaClient(
        certificates(), public_only=public, stall_seconds=SECONDS, at_once=AT_ONCE, schemes=("https", "http")
    ) as client:

        async def one(url: str) -> None:
            async with limiter:
                found[url] = await _asked(partial(_picture, client, url))

        async with anyio.create_task_group() as tasks:
            for url in urls:
                tasks.start_soon(one, url)


async def _asked(ask: Callable[[], Awaitable[PictureHead]]) -> PictureHead:
    try:
        with anyio.fail_after(SECONDS):
            return await ask()
    except MediaError as error:
        return PictureHead(f"cannot be fetched: {error}")
    except TimeoutError:
        return PictureHead(f"cannot be fetched: no answer in {SECONDS:g} s")


async def _picture(client: MediaClient, url: str) -> PictureHead:
    async with client.get(url, method="HEAD") as reply:
        if reply.status >= 400 and reply.status not in _HEAD_UNKNOWN:
            raise MediaError(f"HTTP {reply.status}")
        size = reply.total if reply.status == 200 else None
    start, size = await _start(client, url, START, size)
    head = inspect_head(start, size)
    if head.problem or head.width or len(start) < START or (size or 0) > MOST:
        return head
    start, size = await _start(client, url, MOST, size)  # a picture with a long preface
    return inspect_head(start, size)


async def _start(client: MediaClient, url: str, most: int, size: int | None) -> tuple[bytes, int | None]:
    """The first bytes, and how many there are in all, where that is said."""
    start = bytearray()
    async with client.get(url, end=most - 1) as reply:
        if reply.status not in (200, 206):
            raise MediaError(f"HTTP {reply.status}")
        async for block in reply.blocks:
            start += block
            if len(start) >= most:
                break
        return bytes(start[:most]), reply.total or size
