"""Finds which column of the table holds which input of the job. Pure."""

import shlex
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from batch.core.suggestions import did_you_mean
from batch.errors import ManifestError, UsageError
from batch.job import Job
from batch.manifest.near_names import NearNames

TAKES = "takes"
"""The column that says how many videos a row is to have, unless a model has an input of that name."""
LISTED = 12
"""Titles that are listed before the rest is only counted."""


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

    @property
    def extra(self) -> Sequence[str]:
        """What stands beyond the last column."""
        ...

    @property
    def misquoted(self) -> Sequence[tuple[int, str]]:
        """Cells whose quotes do not enclose the whole of them: position and raw text."""
        ...


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of the table holds what, by position."""

    inputs: Mapping[str, int]
    titles: Mapping[str, str]
    id: int | None
    own: Mapping[str, int]
    """Our own columns that the table already has."""
    ours: Collection[int] = ()
    """The positions of our columns, also where they are not read."""
    untitled: Sequence[int] = ()
    """Columns without a title at the right end of the user's: there stands the text of records that are too wide."""
    unread: Sequence[str] = ()
    """The titles of the columns that are the user's own business."""
    refused: Mapping[int, str] = field(default_factory=dict)
    """Columns that this model does not take → what to say of a row that has something there."""
    model: int | None = None
    """A column that may name another model than this run's; None: there is none."""
    refused_titles: Mapping[int, str] = field(default_factory=dict)
    questions: Sequence[str] = ()
    """What has to be answered before anything is bought: columns that may have been meant for an input."""
    unread_at: Sequence[int] = ()
    asked_at: Sequence[int] = ()
    """Where the columns of these two stand."""
    model_title: str = "model"
    takes: int | None = None
    """A column that says how many videos each row is to have; None: there is none."""

    @property
    def read(self) -> set[int]:
        """The positions of the inputs, and of what else we read."""
        return {at for at in (*self.inputs.values(), self.id, self.takes) if at is not None}

    @property
    def positions(self) -> set[int]:
        """Of all of them."""
        others = {*self.refused} if self.model is None else {*self.refused, self.model}
        return self.read | {*self.own.values()} | others

    def without(self, read: Collection[int]) -> "Columns":
        """The same where these columns are read for other models: they are neither left alone nor asked about."""
        unread = [(title, at) for title, at in zip(self.unread, self.unread_at, strict=True) if at not in read]
        questions = [(asked, at) for asked, at in zip(self.questions, self.asked_at, strict=True) if at not in read]
        return replace(
            self,
            unread=[title for title, _ in unread],
            unread_at=[at for _, at in unread],
            questions=[asked for asked, _ in questions],
            asked_at=[at for _, at in questions],
        )

    def cell(self, row: Row, index: int | None) -> str:
        return row.cells[index] if index is not None and index < len(row.cells) else ""


def simple(name: str) -> str:
    """A column's name without case, space, `-` and `_`."""
    name = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in name if not c.isspace() and c not in "-_")


def find_columns(
    header: Sequence[str],
    job: Job,
    mapped: Mapping[str, str],
    own: Mapping[str, str],
    *,
    ignored: Collection[str] = (),
    ours: Collection[str] = (),
    strict: bool = True,
    model: int | None = None,
) -> Columns:
    """The manifest's columns for a job's inputs.

    Args:
        mapped: what the user said (`image` → `Startbild`).
        own: our result columns, and the titles they go by in this table.
        ignored: columns that are no input, as the user said.
        ours: the titles of our result columns, also where they are not read.
        strict: a required column that is missing is an error; else its rows are told of it.
        model: the column that names the models of rows, where it is known: it is no input.

    Raises:
        UsageError: an option names an input or a column that is not there, or two columns for one input.
        ManifestError: a required column is missing, or two columns claim one input.
    """
    wanted = _wanted(job)
    said = _mapped(wanted, mapped)
    left_out = _left_out(header, ignored, said) | ({model} if model is not None else set())
    by_name = _by_name(header, left_out)
    found = {name: _find(names, said.get(name), header, by_name) for name, names in wanted.items()}
    last = {title: index for index, title in enumerate(header)}
    at_ours = {last[title] for title in (*ours, *own.values()) if title in last}
    not_taken = {simple(name): why for name, why in job.refused.items()}
    refused = {
        index: not_taken[simple(title)]
        for index, title in enumerate(header)
        if simple(title) in not_taken and index not in left_out and index not in found.values()
    }
    taken = {*found.values(), *left_out, *at_ours, *refused}
    open_ = [index for index, title in enumerate(header) if title.strip() and index not in taken]
    near = _near(header, open_, job, found)
    if strict:
        _require(job, found, header, near)
    unread_at = sorted({*open_, *left_out})
    named = model if model is not None else next((at for at in open_ if simple(header[at]) == "model"), None)
    return Columns(
        inputs={name: index for name, index in found.items() if index is not None and name in job.columns},
        titles={name: header[index] if index is not None else wanted[name][0] for name, index in found.items()},
        id=found["id"],
        own={name: last[title] for name, title in own.items() if title in last},
        ours=at_ours,
        untitled=_untitled(header, at_ours),
        unread=[header[index] for index in unread_at],
        unread_at=unread_at,
        refused=refused,
        model=named,
        model_title="model" if named is None else header[named],
        refused_titles={index: header[index] for index in refused},
        questions=[_question(header[index], wanted[name][0]) for index, name in near],
        asked_at=[index for index, _ in near],
        takes=None if TAKES in job.columns else found[TAKES],
    )


def input_name(job: Job, said: str) -> str:
    """The one name of an input, whichever of its names was said; what is said where it names none."""
    return _alias(_wanted(job)).get(simple(said), said)


def _wanted(job: Job) -> dict[str, tuple[str, ...]]:
    inputs = {name: tuple(names) for name, names in job.columns.items()}
    return {**inputs, "id": ("id",), TAKES: inputs.get(TAKES, (TAKES,))}


def _alias(wanted: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {simple(title): name for name, titles in wanted.items() for title in (name, *titles)}


def _untitled(header: Sequence[str], ours: Collection[int]) -> list[int]:
    """Right of all titles of the user's, and left of the first column of ours, which stand right of what was widest."""

    def without(end: int) -> list[int]:
        start = end
        while start and (start - 1 in ours or not header[start - 1].strip()):
            start -= 1
        return [at for at in range(start, end) if at not in ours]

    return sorted({*without(len(header)), *without(min(ours, default=0))})


def _left_out(header: Sequence[str], ignored: Collection[str], said: Mapping[str, str]) -> set[int]:
    """The columns that the user says are no input: those of that very title, else those that are like it."""
    out: set[int] = set()
    for column in ignored:
        exact = {index for index, title in enumerate(header) if title == column}
        found = exact or {index for index, title in enumerate(header) if simple(title) == simple(column)}
        if not found:
            has = f"{listed(header)}{did_you_mean(column, header)}"
            raise UsageError(f"--ignore {column}: the table has no column {column!r}; it has: {has}")
        if name := next((name for name, title in said.items() if title in {header[at] for at in found}), None):
            raise UsageError(f"--ignore {column}: the same column is mapped to {name}: say one of the two")
        out |= found
    return out


def _near(
    header: Sequence[str], places: Sequence[int], job: Job, found: Mapping[str, int | None]
) -> list[tuple[int, str]]:
    """The columns that may have been meant for an input that has none, each with that input."""
    names = NearNames(job.columns, job.words, job.local, job.units)
    meant = [(index, names.input_of(header[index])) for index in places]
    return [(index, name) for index, name in meant if name is not None and found[name] is None]


def _question(title: str, name: str) -> str:
    mapped, ignored = shlex.quote(f"{name}={title}"), shlex.quote(title)
    return f"`{title}`: did you mean `{name}`? --map {mapped}, or --ignore {ignored}"


def _mapped(wanted: Mapping[str, Sequence[str]], mapped: Mapping[str, str]) -> dict[str, str]:
    alias = _alias(wanted)
    columns: dict[str, str] = {}
    for said, column in mapped.items():
        name = alias.get(simple(said))
        if name is None:
            known = ", ".join(titles[0] for titles in wanted.values())
            raise UsageError(
                f"--map {said}=…: there is no input {said!r}; known are: {known}{did_you_mean(said, alias)}"
            )
        if name in columns:
            raise UsageError(
                f"--map {said}={column}: {wanted[name][0]} is mapped to {columns[name]!r} already: name one column"
            )
        columns[name] = column
    return columns


def _by_name(header: Sequence[str], left_out: Collection[int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, title in enumerate(header):
        if index not in left_out:
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
            has = f"{listed(header)}{did_you_mean(said, header)}"
            raise UsageError(f"--map {names[0]}={said}: the table has no column {said!r}; it has: {has}")
    titles = names if said is None else (said,)
    hits = sorted({index for title in titles for index in by_name.get(simple(title), ())})
    if len(hits) > 1:
        both = " and ".join(f"{header[i]!r} (column {i + 1})" for i in hits)
        raise ManifestError(f"{both} both mean {names[0]}: say which with --map {names[0]}=COLUMN, or rename one")
    return hits[0] if hits else None


def _require(job: Job, found: Mapping[str, int | None], header: Sequence[str], near: Sequence[tuple[int, str]]) -> None:
    missing = [name for name in job.schema["required"] if found[name] is None]
    if not missing:
        return
    names = [job.columns[name][0] for name in missing]
    lacking = " and ".join(f"no column for {name}" for name in names)
    asked = [_question(header[index], job.columns[name][0]) for index, name in near]
    remedy = (
        "; ".join(asked)
        if {name for _, name in near} & {*missing}
        else (
            f"add it to the header, or say which it is with --map {names[0]}=COLUMN; "
            "if the titles stand in another row, say --header-row N, and in another sheet of a workbook --sheet NAME"
        )
    )
    raise ManifestError(f"{lacking} (the columns are: {listed(header)}): {remedy}")


def listed(titles: Sequence[str]) -> str:
    """The first titles, in quotes, and how many there are more."""
    shown = [repr(title) for title in titles[:LISTED]]
    return ", ".join(shown) + (f" and {len(titles) - LISTED} more" if len(titles) > LISTED else "")
