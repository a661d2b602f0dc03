"""From a table's rows to what will be sent: arguments, fingerprint, price, and every problem at once.

Pure: the schema check and the look at an image are functions handed in.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from batch.core.row import Planned, Problem
from batch.core.states import Status
from batch.errors import ManifestError, UsageError
from batch.job import Arguments, Job, canonical, encoded


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
class Fault:
    """One rule of the schema that an input breaks."""

    name: str
    rule: str
    limit: Any


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of the image that a cell refers to."""

    identity: str
    """The same for the same image: a URL as it stands, the digest of a local file's bytes."""
    problem: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of the table holds what, by position."""

    inputs: Mapping[str, int]
    titles: Mapping[str, str]
    id: int | None
    own: Mapping[str, int]
    """Our own columns that the table already has."""

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
        names = (said,)
    hits = sorted({index for name in names for index in by_name.get(simple(name), ())})
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Turns rows into plans for one job."""

    job: Job
    columns: Columns
    prices: Mapping[str, int]
    check: Callable[[Arguments], Sequence[Fault]]
    look: Callable[[str], Picture]

    def plan(self, rows: Iterable[Row]) -> Iterator[Planned]:
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
    ) -> Planned:
        arguments: Arguments = {}
        identity: Arguments = {}
        problems: list[Problem] = []
        warnings: list[Problem] = []
        for name, text in given.items():
            if problem := _unprintable(text):
                problems.append(self._problem(row, name, problem))
                arguments[name] = self._value(name, text.encode("utf-8", "replace").decode())
                continue
            arguments[name] = identity[name] = self._value(name, text)
            if name in self.job.images:
                picture = self.look(text.strip())
                identity[name] = picture.identity
                problems += [self._problem(row, name, picture.problem)] if picture.problem else []
                warnings += [self._problem(row, name, warning) for warning in picture.warnings]
        problems += [self._problem(row, fault.name, self._remedy(fault, given)) for fault in self.check(arguments)]
        found = tuple(problems), tuple(warnings)
        if problems:
            return Planned(place, row.number, row_id, own, None, None, None, *found)
        price = self.job.price(arguments, self.prices)
        return Planned(place, row.number, row_id, own, arguments, _digest(self.job, full, identity), price, *found)

    def _value(self, name: str, text: str) -> Any:
        rules = self.job.schema["properties"][name]
        if name in self.job.images:
            return text.strip()
        if "enum" in rules:
            return _choice(text, rules["enum"], self.job.units.get(name, ()))
        if rules["type"] == "number":
            number = _number(text)
            return text if number is None else float(number)
        return text

    def _problem(self, row: Row, name: str, message: str) -> Problem:
        return Problem(row.number, self.columns.titles.get(name, name), message)

    def _remedy(self, fault: Fault, given: Mapping[str, str]) -> str:
        text = given.get(fault.name, "")
        rules = self.job.schema["properties"].get(fault.name, {})
        match fault.rule:
            case "required" | "minLength":
                return f"is empty: a row needs {'an image' if fault.name in self.job.images else 'a text'} here"
            case "maxLength":
                return f"has {len(text):,} characters: shorten it to {fault.limit:,}"
            case "enum":
                return f"{_short(text)} is not {' or '.join(fault.limit)}: write one of them"
            case "minimum" | "maximum" | "type" if rules.get("type") == "number":
                low, high = rules["minimum"], rules["maximum"]
                return f"{_short(text)} is not a number from {low} to {high}: write one, like {rules['default']}"
            case _:
                return f"{_short(text)} breaks the rule {fault.rule} ({fault.limit})"


def defaults(job: Job) -> dict[str, Any]:
    """Every input with the value that fal takes where none is given."""
    return {name: job.default(name) for name in job.schema["properties"]}


def fingerprint(job: Job, identity: Mapping[str, Any]) -> bytes:
    """16 bytes that are equal for equal requests: endpoint and arguments, fal's defaults filled in."""
    return _digest(job, defaults(job), identity)


def _digest(job: Job, full: Mapping[str, Any], identity: Mapping[str, Any]) -> bytes:
    given = {name: _one_line_end(value) for name, value in identity.items()}
    text = f"[{canonical(job.endpoint)},{encoded({**full, **given})}]"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def _one_line_end(value: Any) -> Any:
    """Editors and version control rewrite the line ends of a whole file: that edits no prompt."""
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) and "\r" in value else value


def _foreign(own: Mapping[str, str]) -> bool:
    """Whether a record's cells in our columns are certainly not our work: what we write has a status."""
    return bool(own) and own.get("status", "") not in _STATUSES


_STATUSES = frozenset(Status)


def _choice(text: str, options: Sequence[str], units: Sequence[str]) -> str:
    """`5`, `5.0`, `5,0`, `"5 s"` and `5s` all mean `5`; what means no option is given back as it stands."""
    bare = text.strip().strip("\"'").strip().casefold()
    for unit in sorted(units, key=len, reverse=True):
        if bare.endswith(unit):
            bare = bare.removesuffix(unit).rstrip()
            break
    number = _number(bare)
    if number is None:
        return text
    return next((option for option in options if _number(option) == number), text)


def _number(text: str) -> Decimal | None:
    """A plain decimal number, with a point or a comma."""
    text = text.strip()
    if not text or not set(text) <= set("+-.,0123456789"):
        return None
    try:
        return Decimal(text.replace(",", "."))
    except InvalidOperation:
        return None


_BROKEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def _unprintable(text: str) -> str | None:
    """Control characters and halves of emoji come from broken exports; nobody would know what was asked."""
    if (found := _BROKEN.search(text)) is None:
        return None
    position, code = found.start() + 1, ord(found[0])
    if code >= 0xD800:
        return f"has a broken character (U+{code:04X}) at position {position}: type it again"
    name = f"U+{code:04X}" if code else "NUL"
    return f"has a control character ({name}) at position {position}: delete it"


def _short(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= 40 else text[:37] + "…")
