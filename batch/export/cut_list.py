"""Writes the list of a cut as CSV: which file is which shot, how long it is, what was said of it."""

import csv
import io
from collections.abc import Sequence

from batch.export.clips import MADE_BY, Clip

HEADER = ("order", "file", "row", "id", "take", "seconds", "prompt", "note", "request_id", "made_by")


def cut_list(clips: Sequence[Clip], files: Sequence[str]) -> bytes:
    """UTF-8, with a mark for spreadsheets; no cell is a formula.

    Args:
        files: how the file of each clip is called.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for nth, (clip, file) in enumerate(zip(clips, files, strict=True), 1):
        seconds = "" if clip.seconds is None else f"{clip.seconds:.3f}".rstrip("0").rstrip(".")
        told = (file, clip.number, clip.id, clip.take, seconds, clip.prompt, clip.note, clip.request_id, MADE_BY)
        writer.writerow([nth, *(_harmless(str(one)) for one in told)])
    return text.getvalue().encode("utf-8-sig")


def _harmless(text: str) -> str:
    """A spreadsheet takes these for the beginning of a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def listed_files(content: bytes) -> dict[str, str]:
    """File → request, of a list that was written so; nothing of any other."""
    if not is_cut_list(content):
        return {}
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig", "replace"), newline=""))
    return {line[1].removeprefix("'"): line[8] for line in lines if len(line) == len(HEADER) and line[0] != HEADER[0]}


def is_cut_list(begins: bytes) -> bool:
    """Whether a file that begins so was written so."""
    return begins.decode("utf-8-sig", "replace").startswith(",".join(HEADER))
