"""Writes the ledger's events into a file, one JSON object a line: all that happens to every row."""

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from batch.errors import UsageError
from batch.ledger.event_rows import RowEvent, RowMet, row_events, rows_met
from batch.ledger.ledger import Ledger

SCHEMA = 1
"""Of the lines: raised when one comes to mean something else; new fields do not raise it. See batch/README.md."""
_AT_ONCE = 1 << 16
"""Bytes that are written at once, in whole lines."""
_LAST_EVENT = re.compile(rb'^\{"v": ?\d+, "type": "event", "seq": (\d+)')
_LAST_ROW = re.compile(rb'^\{"v": ?\d+, "type": "row", "n": (\d+)')


class EventLog:
    """The log of one ledger, open for appending.

    What it lacks of the ledger's events is found by its own last lines, so that no kill loses or doubles one; the end
    of a line that a kill has cut off is taken away first.

    Raises:
        UsageError: it cannot be written, or holds something else.
    """

    def __init__(self, path: Path, ledger: Path) -> None:
        self._path = path
        self._ledger = ledger
        self._seq = self._n = 0
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as error:
            raise UsageError(f"--log-file {path}: it cannot be written ({error.strerror or error})") from error
        try:
            self._find_end()
        except BaseException:
            os.close(self._file)
            raise

    def close(self) -> None:
        os.close(self._file)

    def begin(self, at: float) -> None:
        """A run begins."""
        self._append([_line("run", ledger=str(self._ledger), at=_utc(at), pid=os.getpid())])

    def note(self, kind: str, at: float, **told: Any) -> None:
        """What is no change of a row's, and stands in no ledger. Raises as `catch_up` does."""
        self._append([_line(kind, at=_utc(at), **told)])

    def catch_up(self, ledger: Ledger) -> None:
        """Writes what the ledger has and the log has not.

        Raises:
            UsageError: it cannot be written any more.
        """
        self._append(self._lines(rows_met(ledger, self._n), row_events(ledger, self._seq)))

    def _lines(self, rows: Iterable[RowMet], events: Iterable[RowEvent]) -> Iterator[bytes]:
        for row in rows:
            yield _line("row", n=row.n, row=row.number, id=row.id, state="pending")
            self._n = row.n
        for event in events:
            told = {name: value for name, value in event._asdict().items() if name not in ("number", "at")}
            yield _line("event", **told, row=event.number, at=_utc(event.at))
            self._seq = event.seq

    def _append(self, lines: Iterable[bytes]) -> None:
        block = bytearray()
        for line in lines:
            if block and len(block) + len(line) > _AT_ONCE:
                self._write(block)
                block.clear()
            block += line
        self._write(block)

    def _write(self, block: bytearray) -> None:
        try:
            while block:
                del block[: os.write(self._file, block)]
        except OSError as error:
            raise UsageError(
                f"--log-file {self._path}: it cannot be written any more ({error.strerror or error})"
            ) from error

    def _find_end(self) -> None:
        """Where it was left; a line without its end is none."""
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            return  # a pipe or a device: everything is told to it
        whole = 0
        with open(os.dup(self._file), "rb") as file:  # noqa: PTH123 - a descriptor
            for line in file:
                if not line.endswith(b"\n"):
                    break
                if not whole:
                    self._require_ours(line)
                whole += len(line)
                if found := _LAST_EVENT.match(line):
                    self._seq = int(found[1])
                elif found := _LAST_ROW.match(line):
                    self._n = int(found[1])
        os.ftruncate(self._file, whole)

    def _require_ours(self, first: bytes) -> None:
        try:
            said = json.loads(first)
        except ValueError:
            said = None
        if not isinstance(said, Mapping) or said.get("type") != "run":
            raise UsageError(f"--log-file {self._path}: it is no log of kling-batch: name another file")
        if said.get("v") != SCHEMA:
            raise UsageError(f"--log-file {self._path}: it is of another version of kling-batch: name another file")
        if said.get("ledger") != str(self._ledger):
            raise UsageError(f"--log-file {self._path}: it is the log of {said.get('ledger')}: one file for each table")


def replayed(lines: Iterable[str]) -> dict[int, str]:
    """The state of every row as a log gives it, by the row's number in the ledger (`n`)."""
    states: dict[int, str] = {}
    for line in lines:
        said = json.loads(line)
        if said["type"] == "row":
            states.setdefault(said["n"], said["state"])
        elif said["type"] == "event":
            states[said["n"]] = said["new"]
    return states


def _line(kind: str, **told: Any) -> bytes:
    """One object; the kind and what it is found by stand first."""
    return json.dumps({"v": SCHEMA, "type": kind, **told}, ensure_ascii=True).encode("ascii") + b"\n"


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
