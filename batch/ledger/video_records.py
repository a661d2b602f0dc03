"""Reads which videos have not come down to files, names them, and writes what has become of each."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from batch.core.jobs import Jobs
from batch.core.video_files import KeptVideo, VideoFile, WantedVideo
from batch.ledger.async_ledger import AsyncLedger
from batch.ledger.ledger import ENDPOINT, Ledger


class NamedRow(NamedTuple):
    """A row of the ledger as its video is named."""

    row: int
    place: int
    number: int
    id: str
    arguments: Mapping[str, Any]
    endpoint: str


def named_rows(ledger: Ledger) -> Iterator[NamedRow]:
    """Every row that the manifest has, in its order."""
    found = ledger.db.execute(
        f"SELECT row.id, sheet.place, number, IIF(key LIKE 'id:%', substr(key, 4), ''), arguments, {ledger.endpoint} "  # noqa: S608 - ours
        "FROM sheet JOIN row ON row.id = sheet.row ORDER BY sheet.place"
    )
    for row, place, number, name, arguments, endpoint in found:
        yield NamedRow(row, place, number, name, json.loads(arguments), endpoint)


class PlannedName(NamedTuple):
    """The name of a row's video, as far as it is known before there is one, and what names may not have in common."""

    row: int
    number: int
    name: str
    key: str


def plan_names(ledger: Ledger, names: Iterable[PlannedName]) -> None:
    """Keeps them for as long as the ledger is open, on its own connection: nothing is written down."""
    ledger.db.executescript(
        "CREATE TEMP TABLE IF NOT EXISTS video_name (row INTEGER PRIMARY KEY, number INTEGER NOT NULL, "
        "name TEXT NOT NULL, key TEXT NOT NULL); DELETE FROM temp.video_name; BEGIN"
    )
    try:
        ledger.db.executemany("INSERT INTO temp.video_name VALUES (?, ?, ?, ?)", names)
        ledger.db.execute("CREATE INDEX IF NOT EXISTS temp.video_name_key ON video_name (key)")
    finally:
        ledger.db.execute("COMMIT")


def name_collisions(ledger: Ledger, limit: int) -> list[tuple[str, list[int]]]:
    """Planned names that several rows would have, each with the rows as the spreadsheet numbers them."""
    found = ledger.db.execute(
        "SELECT MIN(name), json_group_array(number) FROM (SELECT * FROM temp.video_name ORDER BY number) "
        "GROUP BY key HAVING COUNT(*) > 1 ORDER BY MIN(number) LIMIT ?",
        (limit,),
    )
    return [(name, json.loads(numbers)) for name, numbers in found]


def rename_doubled(ledger: Ledger, name: Callable[[int, str], str], key: Callable[[str], str]) -> None:
    """Rows whose names others have, too, get another one.

    Args:
        name: gives it, of the row's number and the name that it shares.
    """
    found = ledger.db.execute(
        "SELECT row, number, name FROM temp.video_name WHERE key IN "
        "(SELECT key FROM temp.video_name GROUP BY key HAVING COUNT(*) > 1)"
    ).fetchall()
    changed = [(new := name(number, old), key(new), row) for row, number, old in found]
    ledger.db.executemany("UPDATE temp.video_name SET name = ?, key = ? WHERE row = ?", changed)


def planned_names(ledger: Ledger) -> dict[int, str]:
    """By row, as `plan_names` keeps them."""
    return dict(ledger.db.execute("SELECT row, name FROM temp.video_name").fetchall())


def has_planned_names(ledger: Ledger) -> bool:
    return bool(ledger.db.execute("SELECT 1 FROM temp.sqlite_master WHERE name = 'video_name'").fetchone())


def kept_videos(ledger: Ledger) -> Iterator[KeptVideo]:
    """Every file that a video was brought down to, also of takes that the table does not show."""
    found = ledger.db.execute(
        "SELECT video_file.request_id, video_file.row, sheet.number, path, size, sha256 FROM video_file "
        "JOIN take ON take.request_id = video_file.request_id LEFT JOIN sheet ON sheet.row = video_file.row "
        "WHERE done_at IS NOT NULL ORDER BY sheet.place IS NULL, sheet.place, take.number"
    )
    return map(KeptVideo._make, found)


def forget_file(ledger: Ledger, request_id: str) -> None:
    """It is no longer where it was brought: it is to come down again, to the same place."""
    ledger.db.execute(
        "UPDATE video_file SET done_at = NULL, size = NULL, sha256 = NULL, validator = NULL WHERE request_id = ?",
        (request_id,),
    )


def videos_without_file(ledger: Ledger) -> int:
    """How many videos there are that have not come down."""
    (count,) = ledger.db.execute(f"SELECT COUNT(*) FROM {_WITHOUT_FILE}").fetchone()  # noqa: S608 - our own text
    return int(count)


_WITHOUT_FILE = "take LEFT JOIN video_file AS file ON file.request_id = take.request_id WHERE file.done_at IS NULL"


@dataclass(frozen=True, slots=True)
class VideoRecords:
    """What is asked of an open ledger about videos and their files (`core.video_files.VideoStore`)."""

    ledger: Ledger
    store: AsyncLedger
    jobs: Jobs
    now: Callable[[], float] = time.time

    async def rows_without_file(self, after: int, limit: int) -> list[int]:
        return await self.store.call(lambda: self._without_file(after, limit))

    def _without_file(self, after: int, limit: int) -> list[int]:
        found = self.ledger.db.execute(
            f"SELECT DISTINCT take.row FROM {_WITHOUT_FILE} AND take.row > ? ORDER BY take.row LIMIT ?",  # noqa: S608 - ours
            (after, limit),
        )
        return [row for (row,) in found]

    async def videos_of(self, row: int) -> list[str]:
        return await self.store.call(lambda: self._videos_of(row))

    def _videos_of(self, row: int) -> list[str]:
        found = self.ledger.db.execute(
            f"SELECT take.request_id FROM {_WITHOUT_FILE} AND take.row = ? ORDER BY number DESC",  # noqa: S608 - ours
            (row,),
        )
        return [request_id for (request_id,) in found]

    async def wanted_video(self, request_id: str) -> WantedVideo | None:
        return await self.store.call(lambda: self._wanted(request_id))

    def _wanted(self, request_id: str) -> WantedVideo | None:
        planned = "(SELECT name FROM temp.video_name AS planned WHERE planned.row = row.id)"
        found = self.ledger.db.execute(
            "SELECT take.row, sheet.number, take.video_url, take.result, "  # noqa: S608 - ours
            "IIF(row.request_id = take.request_id, COALESCE(sent, arguments), NULL), path, validator, "
            f"{ENDPOINT}, {planned if has_planned_names(self.ledger) else 'NULL'}, "
            "IIF(key LIKE 'id:%', substr(key, 4), NULL), "
            "take.number FROM take JOIN row ON row.id = take.row "
            "LEFT JOIN video_file AS file ON file.request_id = take.request_id LEFT JOIN sheet ON sheet.row = row.id "
            "WHERE take.request_id = ? AND file.done_at IS NULL",
            (request_id,),
        ).fetchone()
        if not found:
            return None
        row, number, url, result, sent, path, validator, endpoint, name, row_id, take = found
        job = self.jobs.shown(endpoint)
        return WantedVideo(
            request_id=request_id,
            row=row,
            number=number,
            url=url,
            id=row_id,
            planned=name,
            take=take,
            makes=job.makes,
            size=job.video_size(json.loads(result)),
            seconds=None if sent is None else job.seconds(json.loads(sent)),
            path=path,
            validator=validator,
        )

    async def reserve_path(self, video: WantedVideo, path: str, name_key: str) -> bool:
        return await self.store.call(lambda: self._reserved(video, path, name_key))

    def _reserved(self, video: WantedVideo, path: str, name_key: str) -> bool:
        """A path that it had before is let go of."""
        taken = self.ledger.db.execute(
            "SELECT 1 FROM video_file WHERE name_key = ? AND request_id <> ?", (name_key, video.request_id)
        ).fetchone()
        if not taken:
            self.ledger.db.execute(
                "INSERT INTO video_file (request_id, row, path, name_key) VALUES (?, ?, ?, ?) ON CONFLICT (request_id) "
                "DO UPDATE SET path = excluded.path, name_key = excluded.name_key, validator = NULL",
                (video.request_id, video.row, path, name_key),
            )
        return not taken

    async def note_validator(self, request_id: str, validator: str | None) -> None:
        await self._update(request_id, validator=validator)

    async def note_file(self, request_id: str, file: VideoFile) -> None:
        await self._update(request_id, size=file.size, sha256=file.sha256, error=None, done_at=self.now())

    async def note_failure(self, request_id: str, reason: str) -> None:
        await self._update(request_id, error=reason)

    async def _update(self, request_id: str, **changes: Any) -> None:
        sets = ", ".join(f"{name} = :{name}" for name in changes)
        await self.store.call(
            lambda: self.ledger.db.execute(
                f"UPDATE video_file SET {sets} WHERE request_id = :request_id",  # noqa: S608 - names of our own columns
                {**changes, "request_id": request_id},
            )
        )
