"""Finds rows that a person names: by number, by id, by kind of failure."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from batch.core.row import RowSelection
from batch.core.states import State
from batch.core.suggestions import did_you_mean
from batch.errors import UsageError
from batch.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class SelectedRow:
    """A row of the ledger that was named."""

    row: int
    number: int
    state: State
    price: int | None


def selected_rows(ledger: Ledger, selection: RowSelection) -> list[SelectedRow]:
    """Each of the rows that are named, once.

    Raises:
        UsageError: one that the ledger does not have.
    """
    found = [_selected_row(ledger, "--row", "number", number) for number in selection.numbers]
    found += [_selected_row(ledger, "--id", "key", f"id:{name.strip()}") for name in selection.ids]
    return list(dict.fromkeys(found))


def _selected_row(ledger: Ledger, option: str, column: str, value: int | str) -> SelectedRow:
    found = ledger.db.execute(
        f"SELECT row.id, number, state, price FROM row JOIN sheet ON sheet.row = row.id WHERE {column} = ?",  # noqa: S608 - of the two above
        (value,),
    ).fetchone()
    if not found:
        name = str(value).removeprefix("id:")
        near = did_you_mean(name, ids_that_begin(ledger, "", NEAR)) if column == "key" else ""
        raise UsageError(f"{option} {name}: the ledger has no such row{near}")
    row, number, state, price = found
    return SelectedRow(row, number, State(state), price)


NEAR = 20_000
"""So many ids are looked through for one that may be meant."""


def ids_that_begin(ledger: Ledger, prefix: str, most: int) -> list[str]:
    """Ids of rows that the manifest has, as they stand there."""
    found = ledger.db.execute(
        "SELECT substr(key, 4) FROM row WHERE key >= 'id:' || :prefix AND substr(key, 1, 3 + length(:prefix)) = "
        "'id:' || :prefix AND place IS NOT NULL ORDER BY place LIMIT :most",
        {"prefix": prefix, "most": most},
    )
    return [name for (name,) in found]


class SheetRow(NamedTuple):
    """A record of the manifest as it was read last, and the state of its row; None where it has none."""

    state: str | None
    problem: str | None
    edited: int


def sheet_rows(ledger: Ledger, column: Literal["number", "id"], value: int | str) -> list[SheetRow]:
    """The records of that number, or with that id. After `match` and `enrol` on the same connection."""
    found = ledger.db.execute(
        "SELECT state, sheet.problem, edited FROM sheet JOIN temp.incoming AS given USING (place) "  # noqa: S608 - of the two above
        f"LEFT JOIN row ON row.id = sheet.row WHERE given.{column} = ?",
        (value,),
    )
    return [SheetRow(*one) for one in found]


def failed_kinds(ledger: Ledger) -> dict[str, int]:
    """What the finished rows without a video ended in, and how many of them did."""
    found = ledger.db.execute(
        "SELECT kind, COUNT(*) FROM row WHERE state IN ('failed', 'cancelled') AND kind IS NOT NULL "
        "GROUP BY kind ORDER BY 2 DESC, 1"
    )
    return dict(found.fetchall())


def rows_unknown_to_fal(ledger: Ledger) -> dict[int, int]:
    """Rows that an older version failed because fal did not know their requests, and what it counted for each.

    Not those that take other inputs by now: what is at fal is not what they ask for.
    """
    found = ledger.db.execute(
        "SELECT id, MIN(COALESCE(price, 0), spent) FROM row WHERE state = 'failed' AND kind = 'request_not_found' "
        "AND request_id IS NOT NULL AND changed_at <= finished_at"
    )
    return dict(found.fetchall())
