"""Keeps what runs by themselves have to say: lines with their times in a file that is rotated by size."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from batch.commands.messages import Say
from batch.core.plain_text import one_line
from batch.files.permissions import make_like

MOST_BYTES = 1 << 20
KEPT = 5
"""So many older files are kept, `shots.csv.log.1` being the newest of them."""


class _Handler(RotatingFileHandler):
    """A disk that is full takes no line, and ends no night: it is said once, where cron's mail comes from."""

    told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's own
        if not self.told:
            self.told = True
            sys.stderr.write(f"kling-batch: {self.baseFilename} cannot be written: {sys.exc_info()[1]}\n")


@contextmanager
def night_log(path: Path, table: Path) -> Iterator[Say]:
    """Gives what writes a line; the file is as private as the table."""
    if not path.exists():
        with suppress(OSError):  # the handler says why it cannot be written
            make_like(path, table)
    handler = _Handler(
        path, maxBytes=MOST_BYTES, backupCount=KEPT, encoding="utf-8", errors="backslashreplace", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S%z"))

    def say(line: str) -> None:
        handler.handle(logging.LogRecord("kling-batch", logging.INFO, "", 0, "%s", (one_line(line),), None))

    try:
        yield say
    finally:
        handler.close()
