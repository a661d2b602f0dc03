"""Tells how a table's columns are read: which is which input, what holds for the others. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from batch.job import Job
from batch.manifest.columns import TAKES, Columns, listed, simple
from batch.manifest.model_column import ModelColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnReport:
    """What a person is told before anything is bought."""

    read: Mapping[str, str]
    """Input → the title of its column."""
    defaults: Mapping[str, str]
    """Input without a column → what every row gets, with its unit; empty where that is nothing."""
    unread: Sequence[str]
    """The titles of the user's own columns."""
    alike: Mapping[str, str] = field(default_factory=dict)
    """Of those: titles that are like the name of a result column of ours, and that name."""
    questions: Sequence[str] = ()
    """What has to be answered first."""
    notes: Sequence[str] = ()
    """How the file was read, where it could have been read otherwise."""
    model: str = ""
    """Whose inputs these are, where rows name models."""
    others: Sequence["ColumnReport"] = ()
    """How the columns are read for the other models that rows name."""

    def lines(self) -> list[str]:
        """One for what is read, one for what holds, one for what is left alone."""
        read = (
            name if simple(title) == simple(name) else f"{name} from {title!r}" for name, title in self.read.items()
        )
        lines = [f"columns{f' for {self.model}' if self.model else ''}: {', '.join(read)}"]
        if self.defaults:
            whose = f"{self.model}: " if self.model else ""
            lines.append(whose + "; ".join(_default(name, value) for name, value in self.defaults.items()))
        lines += [line for one in self.others for line in one.lines()]
        if self.unread:
            lines.append(f"left alone: {listed(self.unread)}")
        lines += self.notes
        lines += [f"your column {title!r} is left alone: ours is {name!r}" for title, name in self.alike.items()]
        return lines

    def json(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "read": dict(self.read),
            "defaults": dict(self.defaults),
            "left_alone": list(self.unread),
            "notes": list(self.notes),
            **({"models": {one.model: one.inputs for one in (self, *self.others)}} if self.model else {}),
        }

    @property
    def inputs(self) -> dict[str, Any]:
        """What is read, and what holds where nothing is, for a program."""
        return {"read": dict(self.read), "defaults": dict(self.defaults)}


def column_report(job: Job, columns: Columns, ours: Collection[str], notes: Sequence[str] = ()) -> ColumnReport:
    """What is to be told of these columns; `ours` are the names of our result columns in this table."""
    names = {name: titles[0] for name, titles in job.columns.items()}
    near = {simple(name): name for name in ours}
    read = {title: columns.titles[name] for name, title in names.items() if name in columns.inputs}
    if columns.id is not None:
        read["id"] = columns.titles["id"]
    if columns.takes is not None:
        read[TAKES] = columns.titles[TAKES]
    return ColumnReport(
        read=read,
        defaults={title: _told_default(job, name) for name, title in names.items() if name not in columns.inputs},
        unread=columns.unread,
        alike={title: near[simple(title)] for title in columns.unread if simple(title) in near},
        questions=columns.questions,
        notes=notes,
    )


def mixed_report(usual: ColumnReport, name: str, columns: ModelColumns, ours: Collection[str]) -> ColumnReport:
    """The report of a table whose rows name models; the usual one, called so, comes first where rows may be of it."""
    if not columns.others:
        return usual
    first, *others = [
        replace(column_report(job, each, ours), model=job.name, unread=(), alike={})
        for job, each in columns.by_job.values()
    ]
    questions = list(dict.fromkeys(asked for each in columns.all for asked in each.questions))
    if columns.usual_named:
        return replace(usual, model=name, others=[first, *others], questions=questions)
    shared = replace(first, unread=usual.unread, alike=usual.alike, notes=usual.notes)
    return replace(shared, others=others, questions=questions)


def _told_default(job: Job, name: str) -> str:
    value = job.default(name)
    if value is None:
        return ""
    unit = next(iter(job.units.get(name, ())), "")
    return f"{value} {unit}" if unit else repr(value)


def _default(name: str, value: str) -> str:
    return f"no {name} column" + (f": every row {value}" if value else "")
