"""Plans rows: arguments, fingerprint, price, and every problem at once. Pure.

Pure: the schema check and the look at an image are functions handed in.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batch.core.row import PlannedRow, Problem
from batch.core.run_options import MOST_TAKES
from batch.core.states import Status
from batch.job import Arguments, Job
from batch.manifest.columns import TAKES, Columns, Row
from batch.manifest.fingerprint import defaults, fingerprint
from batch.manifest.spreadsheet_faults import formula, spreadsheet_error
from batch.manifest.stray_text import letters, stray_text
from batch.manifest.values import excerpt, number, shortened, unprintable, value_of


@dataclass(frozen=True, slots=True)
class SchemaViolation:
    """One rule of the schema that an input breaks."""

    name: str
    rule: str
    limit: Any


@dataclass(frozen=True, slots=True)
class ImageCheck:
    """What is known of the image that a cell refers to."""

    identity: str
    """The same for the same image: a URL as it stands, the digest of a local file's bytes."""
    problem: str | None = None
    warnings: tuple[str, ...] = ()
    value: str | None = None
    """What is sent, without what people write round it; None: the cell as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Turns rows into plans for one job."""

    job: Job
    columns: Columns
    prices: Mapping[str, int]
    check: Callable[[Arguments], Sequence[SchemaViolation]]
    look: Callable[[str], ImageCheck]
    """What is known of an image."""
    delimiter: str = ","
    """What stands between the cells of the table."""
    look_at_file: Callable[[str], ImageCheck] = ImageCheck
    """What is known of another file."""
    takes: int | None = None
    """How many videos a row is to have that does not say it; None: nobody does."""

    header: Sequence[str] = ()
    """The titles of all columns."""
    full: Mapping[str, Any] = field(init=False)
    """Every input with fal's default."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "full", defaults(self.job))

    def plan(self, rows: Iterable[Row]) -> Iterator[PlannedRow]:
        """One plan per row, in order. Rows without any input and id are none of ours and are left out."""
        return (plan for place, row in enumerate(rows) if (plan := self.row(place, row)))

    def row(self, place: int, row: Row) -> PlannedRow | None:
        """The plan of a row; None for one that asks for nothing.

        Unless somebody wrote into our columns there: a sum below the prices must not be lost unseen.
        """
        cells, width = row.cells, len(row.cells)
        inputs, own_columns = self.columns.inputs.items(), self.columns.own.items()
        given = {name: cells[at] for name, at in inputs if at < width and cells[at] and not cells[at].isspace()}
        row_id = self.columns.cell(row, self.columns.id).strip()
        own = {name: cells[at] for name, at in own_columns if at < width and cells[at]}
        return self._row(place, row, row_id, given, own) if given or row_id or _foreign(own) else None

    def _row(
        self,
        place: int,
        row: Row,
        row_id: str,
        given: Mapping[str, str],
        own: Mapping[str, str],
    ) -> PlannedRow:
        arguments: Arguments = {}
        identity: Arguments = {}
        problems = [
            Problem(row.number, title, message) for title, message in stray_text(self.columns, row, self.delimiter)
        ]
        warnings: list[Problem] = []
        unusable = {name: why for name, text in given.items() if (why := self._unusable(name, text))}
        if why := spreadsheet_error(row_id):
            unusable["id"] = f"{shortened(row_id)} {why}"
        problems += [self._problem(row, name, why) for name, why in unusable.items()]
        for name, text in given.items():
            if name in unusable:
                continue
            arguments[name] = identity[name] = value_of(self.job, name, text)
            if name in self.job.local:
                several = isinstance(arguments[name], list)
                cells = arguments[name] if several else [text.strip()]
                found = [self._looked(row, name, cell, problems, warnings) for cell in cells]
                sent = [cell if image.value is None else image.value for cell, image in zip(cells, found, strict=True)]
                known = [image.identity for image in found]
                identity[name] = known if several else known[0]
                if several or found[0].value is not None:
                    arguments[name] = sent if several else sent[0]
        problems += self._not_taken(row)
        takes, why = self._takes(row)
        problems += [self._problem(row, TAKES, why)] if why else []
        problems += [
            self._problem(row, violation.name, self._remedy(violation, given))
            for violation in _told_once(self.check(arguments))
            if violation.name not in unusable
        ]
        told = tuple(problems), tuple(warnings)
        if problems:
            return PlannedRow(place, row.number, row_id, own, None, None, None, *told)
        price, digest = self.job.price(arguments, self.prices), fingerprint(self.job, identity, self.full)
        return PlannedRow(place, row.number, row_id, own, arguments, digest, price, *told, takes, self.job.endpoint)

    def _takes(self, row: Row) -> tuple[int | None, str]:
        """How many videos the row asks for, and why nobody can tell; of a column that is empty there, one."""
        text = self.columns.cell(row, self.columns.takes).strip()
        if not text:
            return (self.takes if self.columns.takes is None else self.takes or 1), ""
        found = None if spreadsheet_error(text) else number(text)
        if found is not None and found == int(found) and 1 <= found <= MOST_TAKES:
            return int(found), ""
        return None, (
            f"{shortened(text)} is not a whole number from 1 to {MOST_TAKES}: how many videos is the row to have? "
            f"If the column is your own, say --ignore {shlex.quote(self.columns.titles[TAKES])}"
        )

    def _looked(self, row: Row, name: str, cell: str, problems: list[Problem], warnings: list[Problem]) -> ImageCheck:
        """One file that an input names; what is wrong with it is added to the lists."""
        image = self.look(cell) if name in self.job.images else self.look_at_file(cell)
        if image.problem:
            problems.append(self._problem(row, name, f"{excerpt(cell)} {image.problem}"))
        warnings += [self._problem(row, name, f"{excerpt(cell)} {one}") for one in image.warnings]
        return image

    def _not_taken(self, row: Row) -> list[Problem]:
        """What stands in columns of other models."""
        row_id = self.columns.cell(row, self.columns.id).strip()
        cells = ((self.columns.cell(row, at), at, why) for at, why in self.columns.refused.items())
        return [
            Problem(row.number, self.columns.refused_titles.get(at, letters(at)), f"{excerpt(cell)} {why}", row_id)
            for cell, at, why in cells
            if cell.strip()
        ]

    def _unusable(self, name: str, text: str) -> str | None:
        """Why nobody could tell what a cell asks for."""
        rules = self.job.schema["properties"][name]
        prose = rules.get("type") == "string" and "enum" not in rules and name not in self.job.local
        fault = spreadsheet_error(text) or formula(text, prose=prose)
        return f"{shortened(text)} {fault}" if fault else unprintable(text)

    def _problem(self, row: Row, name: str, message: str) -> Problem:
        row_id = self.columns.cell(row, self.columns.id).strip()
        return Problem(row.number, self.columns.titles.get(name, name), message, row_id)

    def _remedy(self, violation: SchemaViolation, given: Mapping[str, str]) -> str:
        text = given.get(violation.name, "")
        rules = self.job.schema["properties"].get(violation.name, {})
        match violation.rule:
            case "required" if violation.name not in self.columns.inputs:
                return f"is needed by {self.job.name}, and the table has no such column: add it to the header"
            case "required" | "minLength":
                return f"is empty: a row needs {'an image' if violation.name in self.job.images else 'a text'} here"
            case "maxLength":
                return f"has {len(text):,} characters: shorten it to {violation.limit:,}"
            case "enum":
                options = [*violation.limit] if len(violation.limit) < 20 else [*violation.limit[:20], "…"]
                return f"{shortened(text)} is not {' or '.join(map(str, options))}: write one of them"
            case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "type" if (
                rules.get("type") in _NUMBERS
            ):
                return f"{shortened(text)} is not {_number_wanted(rules)}"
            case "type" if rules.get("type") == "boolean":
                return f"{shortened(text)} is neither true nor false: write one of them"
            case "type" if rules.get("type") in ("array", "object"):
                example = '["a", "b"]' if rules["type"] == "array" else '{"name": "value"}'
                return f"{shortened(text)} is no JSON of the kind that belongs here: write it like {example}"
            case _:
                return f"{shortened(text)} breaks the rule {violation.rule} ({violation.limit})"


def _told_once(violations: Sequence[SchemaViolation]) -> list[SchemaViolation]:
    """What is none of the values that there are need not be told to be of another type as well."""
    listed = {one.name for one in violations if one.rule == "enum"}
    return [one for one in violations if one.rule != "type" or one.name not in listed]


_NUMBERS = {"number": "number", "integer": "whole number"}


def _number_wanted(rules: Mapping[str, Any]) -> str:
    """`a number from 0 to 1: write one, like 0.5`."""
    low, high = (rules.get(one, rules.get(f"exclusive{one.capitalize()}")) for one in ("minimum", "maximum"))
    within = f" from {low} to {high}" if low is not None and high is not None else ""
    if not within:
        within = f" of {low} or more" if low is not None else f" of at most {high}" if high is not None else ""
    example = rules.get("default", low if low is not None else high if high is not None else 1)
    return f"a {_NUMBERS[rules['type']]}{within}: write one, like {example}"


def _foreign(own: Mapping[str, str]) -> bool:
    """Whether a record's cells in our columns are certainly not our work: what we write has a status."""
    return bool(own) and own.get("status", "") not in _STATUSES


_STATUSES = frozenset(Status)
