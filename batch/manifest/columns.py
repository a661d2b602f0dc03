"""Finds which column of the table holds which input of the job. Pure."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from batch.errors import ManifestError, UsageError
from batch.job import Job


class Row(Protocol):
    """One record of a table."""

    @property
    def number(self) -> int:
        """The row as the spreadsheet numbers it; the header is row 1."""
        ...

    @property
    def cells(self) -> Sequence[str]:
        """One text per column."""
        ...


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of the table holds what, by position."""

    inputs: Mapping[str, int]
    titles: Mapping[str, str]
    id: int | None
    own: Mapping[str, int]
    """Our own columns that the table already has."""

    @property
    def positions(self) -> set[int]:
        """Of all of them."""
        return {at for at in (*self.inputs.values(), self.id, *self.own.values()) if at is not None}

    def cell(self, row: Row, index: int | None) -> str:
        return row.cells[index] if index is not None and index < len(row.cells) else ""


def simple(name: str) -> str:
    """A column's name without case, space, `-` and `_`."""
    name = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in name if not c.isspace() and c not in "-_")


def find_columns(header: Sequence[str], job: Job, mapped: Mapping[str, str], own: Mapping[str, str]) -> Columns:
    """The manifest's columns for a job's inputs.

    Args:
        mapped: what the user said (`image` → `Startbild`).
        own: our result columns, and the titles they go by in this table.

    Raises:
        UsageError: a mapping names an input or a column that is not there.
        ManifestError: a required column is missing, or two columns claim one input.
    """
    wanted = {**{name: tuple(names) for name, names in job.columns.items()}, "id": ("id",)}
    said = _mapped(wanted, mapped)
    by_name = _by_name(header)
    found = {name: _find(names, said.get(name), header, by_name) for name, names in wanted.items()}
    _require(job, found, header)
    last = {title: index for index, title in enumerate(header)}
    return Columns(
        inputs={name: index for name, index in found.items() if index is not None and name != "id"},
        titles={name: header[index] if index is not None else wanted[name][0] for name, index in found.items()},
        id=found["id"],
        own={name: last[title] for name, title in own.items() if title in last},
    )


def _mapped(wanted: Mapping[str, Sequence[str]], mapped: Mapping[str, str]) -> dict[str, str]:
    alias = {simple(title): name for name, titles in wanted.items() for title in (name, *titles)}
    for said in mapped:
        if simple(said) not in alias:
            known = ", ".join(titles[0] for titles in wanted.values())
            raise UsageError(f"--map {said}=…: there is no input {said!r}; known are: {known}")
    return {alias[simple(said)]: column for said, column in mapped.items()}


def _by_name(header: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, title in enumerate(header):
        found.setdefault(simple(title), []).append(index)
    return found


def _find(
    names: Sequence[str], said: str | None, header: Sequence[str], by_name: Mapping[str, Sequence[int]]
) -> int | None:
    if said is not None:
        if list(header).count(said) > 1:
            raise ManifestError(f"the table has more than one column {said!r}: rename all but one")
        if said in header:
            return list(header).index(said)
        if not by_name.get(simple(said)):
            raise UsageError(f"--map {names[0]}={said}: the table has no column {said!r}; it has: {_listed(header)}")
    titles = names if said is None else (said,)
    hits = sorted({index for title in titles for index in by_name.get(simple(title), ())})
    if len(hits) > 1:
        both = " and ".join(f"{header[i]!r} (column {i + 1})" for i in hits)
        raise ManifestError(f"{both} both mean {names[0]}: say which with --map {names[0]}=COLUMN, or rename one")
    return hits[0] if hits else None


def _require(job: Job, found: Mapping[str, int | None], header: Sequence[str]) -> None:
    missing = [job.columns[name][0] for name in job.schema["required"] if found[name] is None]
    if missing:
        lacking = " and ".join(f"no column for {name}" for name in missing)
        raise ManifestError(
            f"{lacking} (the columns are: {_listed(header)}): add it to the header, "
            f"or say which it is with --map {missing[0]}=COLUMN"
        )


def _listed(header: Sequence[str]) -> str:
    shown = [repr(title) for title in header[:12]]
    return ", ".join(shown) + (f" and {len(header) - 12} more" if len(header) > 12 else "")
