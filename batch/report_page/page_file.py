"""Writes the page of a report, whole or not at all, over nothing but an earlier one of that table."""

import html
import re
from pathlib import Path

from batch.core.plain_text import one_line
from batch.errors import UsageError
from batch.files.atomic import TargetLocked, replacing
from batch.report_page.rendering import GENERATOR

_HEAD = 16_384
"""Bytes in which a page of ours says what it is."""
_META = re.compile(r'<meta name="(generator|kling-batch-table)" content="([^"]*)">')


def require_ours(path: Path, table: Path) -> None:
    """What stands there already is an earlier report of this table, or nothing.

    Raises:
        UsageError: it is anything else.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("utf-8", "replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(
            f"{path} cannot be replaced ({error.strerror or error}): name another file with --to"
        ) from error
    told = {name: html.unescape(content) for name, content in _META.findall(head)}
    if told.get("generator") != GENERATOR:
        raise UsageError(f"{path} is no report of kling-batch: move it away, or name another file with --to")
    if told.get("kling-batch-table") != one_line(table.name):
        raise UsageError(
            f"{path} is the report of {told.get('kling-batch-table')}, not of {table.name}: name another file with --to"
        )


def write_page(path: Path, text: str, table: Path, like: Path) -> None:
    """Puts it there; whoever may read the file `like` may read it.

    Raises:
        UsageError: what stands there is not ours, or cannot be replaced.
    """
    require_ours(path, table)
    try:
        with replacing(path, lambda: require_ours(path, table), like=like) as file:
            file.write(text.encode("utf-8", "replace"))
    except TargetLocked as error:
        raise UsageError(str(error)) from error
