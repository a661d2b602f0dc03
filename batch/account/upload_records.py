"""Keeps which pictures were uploaded with the key, by content: each goes up once for all tables."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from batch.account.book_file import NoBook, open_book_file
from batch.core.upload_book import KnownUpload

CLAIMED_SECONDS = 60.0
"""So long another run's upload of the same picture is waited for; it may have been killed over it."""
LEFT_SECONDS = 6 * 3600.0
"""A picture has to be there so long yet: a request may wait in fal's queue."""


class UploadRecords:
    """The uploads in the account's book, on a connection of their own; opened when the first one is asked for.

    Without a book to keep (a disk that is full, say) nothing is known, and pictures go up once in each run.

    Args:
        path: of the book.
        say: told once why there is none.
    """

    def __init__(self, path: Path, say: Callable[[str], None] = lambda _: None) -> None:
        self._path = path
        self._say = say
        self._db: sqlite3.Connection | None = None
        self._lost = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._db:
            self._db.close()

    def known(self, digest: str, now: float) -> KnownUpload | None:
        """See `UploadBook`; one that was made for less time is let go of when half of it is over."""
        self._asked(
            "DELETE FROM upload WHERE digest = :digest AND url IS NOT NULL "
            "AND expires_at - :now <= MIN(:left, (expires_at - claimed_at) / 2)",
            digest=digest,
            now=now,
            left=LEFT_SECONDS,
        )
        found = self._asked(
            "SELECT url, proven_at, expires_at FROM upload WHERE digest = :digest AND url IS NOT NULL", digest=digest
        )
        return KnownUpload(*found[0]) if found else None

    def claim(self, digest: str, now: float) -> bool:
        """See `UploadBook`: neither of what is there. A claim that is old, or from a clock that was set, is none."""
        taken = self._asked(
            "INSERT INTO upload (digest, claimed_at) VALUES (:digest, :now) ON CONFLICT (digest) DO UPDATE SET "
            "claimed_at = :now WHERE url IS NULL AND ABS(:now - claimed_at) > :claimed RETURNING 1",
            digest=digest,
            now=now,
            claimed=CLAIMED_SECONDS,
        )
        return self._lost or bool(taken)

    def keep(self, digest: str, url: str, now: float, expires_at: float | None) -> None:
        self._asked(
            "INSERT OR REPLACE INTO upload (digest, url, claimed_at, proven_at, expires_at) "
            "VALUES (:digest, :url, :now, :now, :expires_at)",
            digest=digest,
            url=url,
            now=now,
            expires_at=expires_at,
        )

    def prove(self, digest: str, now: float) -> None:
        self._asked("UPDATE upload SET proven_at = :now WHERE digest = :digest", digest=digest, now=now)

    def forget(self, digest: str) -> None:
        self._asked("DELETE FROM upload WHERE digest = :digest", digest=digest)

    def _asked(self, sql: str, **values: object) -> list[tuple[str, float, float | None]]:
        with self._lock:
            if self._lost:
                return []
            try:
                self._db = self._db or open_book_file(self._path)
                return self._db.execute(sql, values).fetchall()
            except (NoBook, sqlite3.Error) as error:
                self._lost = True
                self._say(f"{error}: pictures that other tables have uploaded are uploaded again")
                return []
