"""Ledgers whose rows have their videos at some address, and a source that gives them without a network."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from batch.commands.batch import Batch
from batch.core import states
from batch.core.gateway import Receipt
from batch.downloads.media_reply import MediaError, MediaReply
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from tests.support.mp4_files import an_mp4
from tests.support.sheets import PRICE, batch


def with_videos(
    folder: Path,
    ids: Sequence[str] = ("a", "b", "c"),
    url: Callable[[str], str] = "https://v.example.com/{}.mp4".format,
) -> Batch:
    """A batch whose rows have their videos; each has a picture of its own, of the row's name."""
    lines = [f'"{name}",shot {name},https://x.y/{n}.png\n' for n, name in enumerate(ids)]
    given = batch(folder, "id,prompt,image\n" + "".join(lines))
    with Ledger.open(given.ledger) as ledger:
        match(ledger, given.manifest.plan(given.manifest.open()))
        enrol(ledger, 1.0, new=True)
        for (row,) in ledger.db.execute("SELECT id FROM row").fetchall():
            succeed(ledger, row, f"r{row}", url(f"r{row}"))
    return given


def succeed(ledger: Ledger, row: int, request_id: str, url: str, result: str = "{}") -> None:
    ledger.apply(row, states.claimed(1e9, None, PRICE))
    ledger.apply(row, states.accepted(1e9, Receipt(request_id, "https://s", "https://r", "https://c")))
    ledger.apply(row, states.succeeded(1e9 + 60, result, url, PRICE))


class Source:
    """Gives a video for every address; `wrong` makes the n-th reply to each a failure.

    Args:
        wrong: the n-th try of an address → why it fails, None where it does not.
    """

    def __init__(self, wrong: Callable[[int], str | None] = lambda _: None, size: int = 3000) -> None:
        self._wrong = wrong
        self._size = size
        self.asked: Counter[str] = Counter()
        self.at_once = 0
        self.most_at_once = 0

    @asynccontextmanager
    async def get(self, url: str, *, start: int = 0, validator: str | None = None) -> AsyncIterator[MediaReply]:
        self.asked[url] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if why := self._wrong(self.asked[url]):
                raise MediaError(why)
            yield MediaReply(200, 0, self._size, '"x"', "video/mp4", self._blocks(url))
        finally:
            self.at_once -= 1

    async def _blocks(self, url: str) -> AsyncIterator[bytes]:
        yield self.video(url)

    def video(self, url: str) -> bytes:
        return an_mp4(self._size, seed=int.from_bytes(hashlib.sha256(url.encode()).digest()[:4], "big"))

    def opened(self) -> Callable[[Batch], "object"]:
        """As `open_media`."""

        @asynccontextmanager
        async def open_media(_: Batch) -> AsyncIterator["Source"]:
            yield self

        return open_media
