"""Finds rows without an id that ask for the same: each of them is bought, as another take."""

import json
from dataclasses import dataclass

from batch.core.money import dollars
from batch.core.row_numbers import row_numbers
from batch.ledger.ledger import Ledger
from batch.ledger.summary import to_buy

SHOWN = 5
"""Groups that are told of before the rest is only counted."""
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True, slots=True)
class Twins:
    """Rows of the manifest with the same inputs."""

    rows: list[int]
    """As the spreadsheet numbers them."""
    to_buy: int
    """How many videos of them are still to be bought."""
    micros: int | None
    """What that costs, in millionths of a dollar; None: not known."""

    def text(self) -> str:
        """For a person."""
        number = _WORDS[self.to_buy] if self.to_buy < len(_WORDS) else f"{self.to_buy:,}"
        more = "" if self.to_buy >= len(self.rows) else " more"
        takes = f"{number}{more} take{'' if self.to_buy == 1 else 's'}"
        price = "" if self.micros is None else f"{dollars(self.micros)} for "
        return f"rows {row_numbers(self.rows)} ask for the same: {price}{takes}"


def find_twins(ledger: Ledger) -> list[Twins]:
    """Every group of which something is still to be bought, in the order of the manifest."""
    found = ledger.db.execute(
        f"SELECT json_group_array(sheet.number), SUM(IIF(row.state = 'pending', {to_buy(ledger)}, 0)), "  # noqa: S608 - ours
        f"SUM(CASE WHEN row.state = 'pending' THEN row.price * {to_buy(ledger)} END), "
        "COUNT(*) FILTER (WHERE row.state = 'pending' AND row.price IS NULL) "
        "FROM main.row JOIN main.sheet ON sheet.place = row.place "
        "WHERE NOT sheet.edited AND substr(row.key, 1, 3) <> 'id:' "
        "GROUP BY row.fingerprint HAVING COUNT(*) > 1 AND SUM(row.state = 'pending') > 0 ORDER BY MIN(sheet.number)"
    )
    return [
        Twins(sorted(json.loads(rows)), videos, None if unpriced else price) for rows, videos, price, unpriced in found
    ]


def told_twins(found: list[Twins], most: int | None = SHOWN) -> list[str]:
    """A line for each group; of many the first ones, and what the rest costs."""
    lines = [one.text() for one in found[:most]]
    if rest := found[len(lines) :]:
        known = [one.micros for one in rest if one.micros is not None]
        price = (
            f": {dollars(sum(known))} for {sum(one.to_buy for one in rest):,} takes" if len(known) == len(rest) else ""
        )
        lines.append(f"… and {len(rest):,} more groups of rows that ask for the same{price}")
    return lines
