"""Finds text that would not be sent as it was written: beyond the header, or misquoted. Pure."""

from collections.abc import Iterator

from batch.manifest.columns import Columns, Row
from batch.manifest.values import shortened

_LONGEST_EXAMPLE = 100


def stray_text(columns: Columns, row: Row, delimiter: str) -> Iterator[tuple[str, str]]:
    """What is wrong with the layout of a record: the column as a spreadsheet names it, and a phrase with the remedy.

    Args:
        delimiter: what stands between the cells of the file; "" where they cannot run into each other.
    """
    if not delimiter:
        return
    last = max(columns.read, default=0)
    amiss = [(at, raw) for at, raw in row.misquoted if at in columns.read or (at < last and _may_shift(raw))]
    for at, raw in amiss:
        yield _title(columns, at), _misquoted(columns.cell(row, at), raw)
    beyond = [(at, row.cells[at]) for at in columns.untitled if at < len(row.cells)]
    beyond += enumerate(row.extra, len(row.cells))
    stray = [(at, text) for at, text in beyond if text.strip()]
    if stray and not amiss:  # else it was cut off by the quotes
        at, text = stray[0]
        yield letters(at), _beyond(columns, row, text, [text for _, text in beyond], delimiter)


def _may_shift(raw: str) -> bool:
    """Whether the cell may go on in the next one: what stands right of it is then read into the wrong columns."""
    return '\\"' in raw or raw.count('"') % 2 == 1


def _misquoted(read: str, raw: str) -> str:
    meant = _meant(raw)
    remedy = "write a quote inside a cell in quotes twice, and the outer quotes right beside the delimiters"
    if meant is not None and len(meant) <= _LONGEST_EXAMPLE:
        remedy = f"write {_in_quotes(meant)}"
    return f"was read as {shortened(read)}, for its quotes do not enclose the whole of it: {remedy}"


def _meant(raw: str) -> str | None:
    """What the cell was meant to hold, where it is plain."""
    text = raw.strip()
    if '\\"' in text:
        whole = text.startswith('"') and text.endswith('"') and not text.endswith('\\"')
        return text[1:-1].replace('\\"', '"') if whole else None
    return text if '""' not in text and text.count('"') % 2 == 0 else None


def _beyond(columns: Columns, row: Row, text: str, beyond: list[str], delimiter: str) -> str:
    phrase = f"{shortened(text)} stands beyond the titles, and would not be sent"
    own = "if it is a note of your own, give its column a title"
    at = next(iter(columns.inputs.values()), None)
    if at is None or delimiter == "\t":
        return f"{phrase}: move it where it belongs; {own}"
    while not beyond[-1].strip():
        beyond.pop()
    width = len(row.cells) - len({*columns.ours, *columns.untitled})
    split = [*row.cells[:width], *beyond][at : at + len(beyond) + 1]
    whole = delimiter.join(split)
    example = f", like {_in_quotes(whole)}" if len(whole) <= _LONGEST_EXAMPLE else ""
    title = next(iter(columns.inputs))
    return (
        f"{phrase}; {columns.titles.get(title, title)} was read as {shortened(row.cells[at])}: where a text holds the "
        f"sign {delimiter} write it in double quotes{example}; {own}"
    )


def _in_quotes(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _title(columns: Columns, at: int) -> str:
    return next((columns.titles[name] for name, place in columns.inputs.items() if place == at), letters(at))


def letters(at: int) -> str:
    """A column as a spreadsheet names it: A, B … Z, AA."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(ord("A") + rest) + name
    return name
