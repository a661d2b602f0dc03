"""How a table is read, and where its results go, as a person said it and a ledger remembers it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """Options that go with a table from command to command; None and empty where nothing was said."""

    mapped: Mapping[str, str] = field(default_factory=dict)
    """Input → column."""
    ignored: Sequence[str] = ()
    model: str | None = None
    """A name, an endpoint, or the path of a file that holds one; such a path in a ledger: like that of `output`."""
    prefix: str | None = None
    price: str | None = None
    """As it was said: `5=0.49,10=0.98`."""
    output: str | None = None
    """A path. In a ledger: from the folder of the table, where it is below that; else absolute."""
    encoding: str | None = None
    header_row: int | None = None
    sheet: str | None = None

    @property
    def typed(self) -> list[str]:
        """The same as arguments of a command line."""
        return [*self._typed()]

    def _typed(self) -> Iterator[str]:
        for name, column in self.mapped.items():
            yield from ("--map", f"{name}={column}")
        for column in self.ignored:
            yield from ("--ignore", column)
        named = {"--model": self.model, "--prefix": self.prefix, "--price": self.price, "--output": self.output}
        read = {"--encoding": self.encoding, "--header-row": self.header_row, "--sheet": self.sheet}
        for option, value in {**named, **read}.items():
            if value:
                yield from (option, str(value))

    @property
    def unkept(self) -> list[str]:
        """What no ledger remembers, as arguments: a file of Python is run, and a ledger may come from anywhere."""
        return ["--model", self.model] if self.model and _is_run(self.model) else []

    @property
    def kept(self) -> "TableOptions":
        """All but that."""
        return replace(self, model=None) if self.unkept else self

    @property
    def note(self) -> str:
        """As a ledger keeps it."""
        return json.dumps(asdict(self.kept))

    def left_open(self, remembered: "TableOptions", name_of: Callable[[str], str]) -> "TableOptions":
        """What is remembered of that which is not said here: what is said holds, also about one column of many.

        Args:
            name_of: the one name of an input, whichever of its names was said.
        """
        names, columns = {name_of(name) for name in self.mapped}, {*self.mapped.values(), *self.ignored}
        rest: dict[str, Any] = {name: getattr(remembered, name) for name in _SINGLE if getattr(self, name) is None}
        return TableOptions(
            mapped={
                name: column
                for name, column in remembered.mapped.items()
                if name_of(name) not in names and column not in columns
            },
            ignored=tuple(column for column in remembered.ignored if column not in columns),
            **rest,
        )

    def with_(self, rest: "TableOptions") -> "TableOptions":
        """What is said here, and what was left open: see `left_open`."""
        both: dict[str, Any] = {
            name: getattr(rest, name) if getattr(self, name) is None else getattr(self, name) for name in _SINGLE
        }
        return TableOptions(mapped={**rest.mapped, **self.mapped}, ignored=(*rest.ignored, *self.ignored), **both)


_SINGLE = ("model", "prefix", "price", "output", "encoding", "header_row", "sheet")


def read_options(note: str) -> TableOptions:
    """What `note` was made of. A ledger may come from anywhere: nothing but options, each of its type, is taken.

    Raises:
        ValueError: it holds anything else.
    """
    told = json.loads(note)
    known = asdict(TableOptions())
    if not isinstance(told, dict) or not told.keys() <= known.keys() or not _can_be_meant({**known, **told}):
        raise ValueError("not the options of a table")
    told = {**known, **told}  # one that an earlier version did not have was not said
    return TableOptions(**{**told, "ignored": tuple(told["ignored"])})


def _is_run(model: str) -> bool:
    return model.lower().endswith(".py")


def _can_be_meant(told: Mapping[str, Any]) -> bool:
    mapped, ignored, row = told["mapped"], told["ignored"], told["header_row"]
    if not isinstance(mapped, dict) or not isinstance(ignored, list | tuple):
        return False
    single = [value for name in _SINGLE if name != "header_row" and (value := told.get(name)) is not None]
    texts = all(isinstance(text, str) for text in (*single, *mapped.values(), *ignored))
    plain = texts and not _is_run(told.get("model") or "")
    return plain and (row is None or (type(row) is int and row > 0))
