"""Plans rows: arguments, fingerprint, price, and every problem at once. Pure.

Pure: the schema check and the look at an image are functions handed in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batch.core.row import PlannedRow, Problem
from batch.core.states import Status
from batch.job import Arguments, Job
from batch.manifest.columns import Columns, Row
from batch.manifest.fingerprint import defaults, fingerprint
from batch.manifest.spreadsheet_faults import formula, spreadsheet_error
from batch.manifest.stray_text import stray_text
from batch.manifest.values import excerpt, shortened, unprintable, value_of


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
    delimiter: str = ","
    """What stands between the cells of the table."""

    def plan(self, rows: Iterable[Row]) -> Iterator[PlannedRow]:
        """One plan per row, in order. Rows without any input and id are none of ours and are left out.

        Unless somebody wrote into our columns there: a sum below the prices must not be lost unseen.
        """
        inputs, own_columns = self.columns.inputs.items(), self.columns.own.items()
        full = defaults(self.job)
        for place, row in enumerate(rows):
            cells, width = row.cells, len(row.cells)
            given = {name: cells[at] for name, at in inputs if at < width and cells[at] and not cells[at].isspace()}
            row_id = self.columns.cell(row, self.columns.id).strip()
            own = {name: cells[at] for name, at in own_columns if at < width and cells[at]}
            if given or row_id or _foreign(own):
                yield self._row(place, row, row_id, given, own, full)

    def _row(
        self,
        place: int,
        row: Row,
        row_id: str,
        given: Mapping[str, str],
        own: Mapping[str, str],
        full: Mapping[str, Any],
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
            if name in self.job.images:
                image = self.look(text.strip())
                identity[name] = image.identity
                arguments[name] = arguments[name] if image.value is None else image.value
                told = [image.problem] if image.problem else []
                problems += [self._problem(row, name, f"{excerpt(text)} {one}") for one in told]
                warnings += [self._problem(row, name, f"{excerpt(text)} {one}") for one in image.warnings]
        problems += [
            self._problem(row, violation.name, self._remedy(violation, given))
            for violation in self.check(arguments)
            if violation.name not in unusable
        ]
        found = tuple(problems), tuple(warnings)
        if problems:
            return PlannedRow(place, row.number, row_id, own, None, None, None, *found)
        price = self.job.price(arguments, self.prices)
        return PlannedRow(
            place, row.number, row_id, own, arguments, fingerprint(self.job, identity, full), price, *found
        )

    def _unusable(self, name: str, text: str) -> str | None:
        """Why nobody could tell what a cell asks for."""
        rules = self.job.schema["properties"][name]
        prose = rules.get("type") == "string" and "enum" not in rules and name not in self.job.images
        fault = spreadsheet_error(text) or formula(text, prose=prose)
        return f"{shortened(text)} {fault}" if fault else unprintable(text)

    def _problem(self, row: Row, name: str, message: str) -> Problem:
        row_id = self.columns.cell(row, self.columns.id).strip()
        return Problem(row.number, self.columns.titles.get(name, name), message, row_id)

    def _remedy(self, violation: SchemaViolation, given: Mapping[str, str]) -> str:
        text = given.get(violation.name, "")
        rules = self.job.schema["properties"].get(violation.name, {})
        match violation.rule:
            case "required" | "minLength":
                return f"is empty: a row needs {'an image' if violation.name in self.job.images else 'a text'} here"
            case "maxLength":
                return f"has {len(text):,} characters: shorten it to {violation.limit:,}"
            case "enum":
                return f"{shortened(text)} is not {' or '.join(violation.limit)}: write one of them"
            case "minimum" | "maximum" | "type" if rules.get("type") == "number":
                low, high = rules["minimum"], rules["maximum"]
                return f"{shortened(text)} is not a number from {low} to {high}: write one, like {rules['default']}"
            case _:
                return f"{shortened(text)} breaks the rule {violation.rule} ({violation.limit})"


def _foreign(own: Mapping[str, str]) -> bool:
    """Whether a record's cells in our columns are certainly not our work: what we write has a status."""
    return bool(own) and own.get("status", "") not in _STATUSES


_STATUSES = frozenset(Status)
