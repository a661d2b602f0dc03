"""`new`: makes a table to begin with, or of a folder of pictures, and adds those that are new."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batch.errors import ManifestError, UsageError
from batch.files.atomic import TargetLocked
from batch.job import Job
from batch.manifest.boards import Board, boards
from batch.manifest.captions import caption
from batch.manifest.columns import Columns
from batch.manifest.image_references import LocalPath, parse_reference
from batch.manifest.loader import Manifest
from batch.table import Table, TableChanged
from batch.table.starters import StarterColumn, make_table

_WIDE = 48
_ID_NOTE = "A name of your own for the row, used once: it then keeps its video however the table is sorted or edited."


@dataclass(frozen=True, slots=True)
class NewReport:
    """What was made, as lines for a person."""

    lines: Sequence[str]


def new_table(manifest: Manifest, *, folder: Path | None = None, prompt: str = "") -> NewReport:
    """Make a table, or add the pictures of a folder that it does not name yet.

    Args:
        manifest: the table, and how it is read where it is there already.
        folder: of pictures; None: a starter with example rows.
        prompt: for pictures that bring none.

    Raises:
        UsageError: the table is there already, or there is no such folder.
        ManifestError: it cannot be read, or written.
    """
    try:
        if folder is None:
            return _starter(manifest.path, manifest.job)
        return _from_folder(manifest, folder, prompt)
    except TargetLocked as error:
        raise ManifestError(str(error)) from error
    except TableChanged as error:
        raise ManifestError(f"{error}: try again when that is done") from error


def _starter(path: Path, job: Job) -> NewReport:
    if path.exists():
        raise UsageError(f"{path} is there already: name another file (or say --from-folder to add pictures to it)")
    columns = starter_columns(job)
    make_table(path, columns, [[row.get(one.title, "") for one in columns] for row in job.examples])
    return NewReport(
        [
            f"{path} is made, with {len(job.examples)} example rows: put your own in their place",
            f"then: kling-batch check {path}",
        ]
    )


def starter_columns(job: Job) -> list[StarterColumn]:
    """The columns of a new table for a job: an id, then its inputs, each with what may stand in it."""
    found = [StarterColumn("id", _ID_NOTE)]
    for name, titles in job.columns.items():
        rules = job.schema["properties"][name]
        wide = name in job.images or (rules.get("type") == "string" and "enum" not in rules)
        choices = [str(one) for one in rules.get("enum", ())]
        found.append(StarterColumn(titles[0], _note(job, name, rules), choices, _WIDE if wide else 14))
    return found


def _note(job: Job, name: str, rules: Mapping[str, object]) -> str:
    parts = [str(rules["description"])] if rules.get("description") else []
    if name in job.images:
        parts.append("A path relative to this table, or an address that anybody may open.")
    if "enum" in rules and isinstance(rules["enum"], Sequence):
        parts.append("One of: " + ", ".join(map(str, rules["enum"])) + ".")
    if "minimum" in rules and "maximum" in rules:
        parts.append(f"From {rules['minimum']} to {rules['maximum']}.")
    if "maxLength" in rules:
        parts.append(f"At most {rules['maxLength']:,} characters.")
    if name in job.schema.get("required", ()):
        parts.append("Needed in each row.")
    elif "default" in rules:
        parts.append(f"Where nothing stands here: {rules['default']}.")
    return " ".join(parts)


def _from_folder(manifest: Manifest, folder: Path, prompt: str) -> NewReport:
    path, job = manifest.path, manifest.job
    if not job.images:
        raise UsageError(f"--from-folder: {job.name} takes no pictures")
    if not folder.is_dir():
        raise UsageError(f"--from-folder {folder}: there is no such folder")
    found = boards((one.name for one in os.scandir(folder) if one.is_file()), paired=len(job.images) > 1)
    if not found.boards:
        raise UsageError(f"--from-folder {folder}: there are no pictures in it (.jpg, .png, .webp, .gif, .avif)")
    place = _place_of(folder, path)
    if not path.exists():
        rows = [_row(job, board, folder, place, prompt) for board in found.boards]
        columns = starter_columns(job)
        make_table(path, columns, [[row.get(one.title, "") for one in columns] for row in rows])
        return NewReport([f"{path} is made", *_said(job, rows), *found.notes, f"then: kling-batch check {path}"])
    return _added(manifest, folder, place, found.boards, found.notes, prompt)


def _added(
    manifest: Manifest, folder: Path, place: str, listed: Sequence[Board], notes: Sequence[str], prompt: str
) -> NewReport:
    path, job = manifest.path, manifest.job
    table = manifest.open()
    columns = manifest.columns(table)
    known, ids = _known(manifest, table, columns)
    fresh = [board for board in listed if _real(folder / board.image) not in known]
    rows = [_row(job, board, folder, place, prompt) for board in fresh]
    for row, board in zip(rows, fresh, strict=True):
        if row["id"] in ids:
            row["id"] = board.image if board.image not in ids else f"{folder.name}/{board.image}"
    if not rows:
        return NewReport([f"{path} has a row for each picture of {folder} already: nothing was added", *notes])
    at = {job.columns[name][0]: index for name, index in columns.inputs.items()}
    if columns.id is not None:
        at["id"] = columns.id
    table.append([{at[title]: text for title, text in row.items() if title in at} for row in rows])
    lost = dict.fromkeys(title for row in rows for title in row if row[title] and title not in {*at, "id"})
    told = [f"no column for {', '.join(lost)}: that was left out"] if lost else []
    return NewReport([f"{path} has more rows", *_said(job, rows), *told, *notes, f"then: kling-batch check {path}"])


def _known(manifest: Manifest, table: Table, columns: Columns) -> tuple[set[str], set[str]]:
    """The pictures that the table names already, and its ids."""
    places = [columns.inputs[name] for name in manifest.job.images if name in columns.inputs]
    files, ids = set(), set()
    for record in table.records([*places, *([] if columns.id is None else [columns.id])]):
        for at in places:
            if (cell := record.cells[at]) and (file := manifest.local(cell)):
                files.add(_real(file))
        ids.add(columns.cell(record, columns.id).strip())
    return files, ids


def _row(job: Job, board: Board, folder: Path, place: str, prompt: str) -> dict[str, str]:
    """Title → text of a new row."""
    try:
        words = caption(folder, board.image, board.caption_stems)
    except OSError as error:
        raise ManifestError(f"the caption of {folder / board.image} cannot be read: {error}") from error
    made = {"id": board.id, _title(job, job.images[0]): _cell(place, board.image)}
    if board.tail:
        made[_title(job, job.images[1])] = _cell(place, board.tail)
    if "prompt" in job.columns:
        made[_title(job, "prompt")] = words or prompt
    return made


def _title(job: Job, name: str) -> str:
    return job.columns[name][0]


def _place_of(folder: Path, table: Path) -> str:
    """The folder as a cell of the table names it; "" where they stand together."""
    try:
        relative = os.path.relpath(folder.resolve(), table.resolve().parent)
    except ValueError:  # another drive
        return folder.resolve().as_posix() + "/"
    return "" if relative == "." else Path(relative).as_posix() + "/"


def _cell(place: str, name: str) -> str:
    """A path that is read as that path, whatever signs are in it."""
    text = place + name
    if text[:1] in "=+-@'\"#" or parse_reference(text) != LocalPath(text):
        return f"./{text}"
    return text


def _real(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def _said(job: Job, rows: Sequence[Mapping[str, str]]) -> list[str]:
    tail = _title(job, job.images[1]) if len(job.images) > 1 else ""
    pairs = sum(1 for row in rows if tail and row.get(tail))
    lines = [f"{len(rows)} rows" + (f", {pairs} of them with a {tail}" if pairs else "")]
    lacking = [row["id"] for row in rows if "prompt" in job.columns and not row[_title(job, "prompt")]]
    if lacking:
        shown = ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
        lines.append(f"without a prompt yet: {shown}; write them in, beside the pictures (boat.txt), or say --prompt")
    return lines
