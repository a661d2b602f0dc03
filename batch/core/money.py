"""Money and prices: as typed, as shown, and how much of it may be spent.

Amounts are whole millionths of a dollar: no float ever decides whether a row is bought.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from batch.errors import UsageError

MICROS = 1_000_000
"""Millionths in a dollar."""


@dataclass(frozen=True, slots=True)
class Money:
    """What a ledger's rows have spent, and the price of what is submitted or in doubt."""

    spent: int = 0
    under_way: int = 0


class Cap(StrEnum):
    """What may have no room for a row, by the option that sets it."""

    RUN = "--max-spend"
    TOTAL = "--max-spend-total"
    ACCOUNT = "--max-spend-account"


@dataclass(frozen=True, slots=True)
class Budget:
    """Caps on one run and on the ledger's whole life; None: no cap.

    Args:
        spent_before: what earlier runs have spent. What they left under way counts for this run.
    """

    run: int | None = None
    total: int | None = None
    spent_before: int = 0

    @property
    def capped(self) -> bool:
        return self.run is not None or self.total is not None

    def rooms(self, money: Money) -> dict[Cap, int]:
        """What each cap leaves, in millionths of a dollar; below nothing where it is overspent already."""
        committed = money.spent + money.under_way
        rooms = {Cap.RUN: (self.run, committed - self.spent_before), Cap.TOTAL: (self.total, committed)}
        return {cap: most - gone for cap, (most, gone) in rooms.items() if most is not None}

    def reached(self, price: int | None, money: Money) -> Cap | None:
        """The cap that has no room for a request of this price, if one has none; for one of unknown price none has."""
        rooms = self.rooms(money)
        return next((cap for cap, room in rooms.items() if price is None or price > room), None)


@dataclass(frozen=True, slots=True)
class AccountCap:
    """A cap on what all tables of the account spend on this host in one night (noon to noon), day or month."""

    most: int
    period: str

    def __post_init__(self) -> None:
        if self.period not in PERIODS:
            raise ValueError(f"the period of a cap is one of {', '.join(PERIODS)}: not {self.period!r}")

    @classmethod
    def read(cls, text: str) -> "AccountCap":
        """`20/night` → the cap.

        Raises:
            UsageError: not of that form.
        """
        amount, _, period = text.partition("/")
        if period not in PERIODS:
            raise UsageError(f"{text!r} is not an amount for a period: write it like 20/night, 50/day or 400/month")
        return cls(micros(amount), period)

    def __str__(self) -> str:
        return f"{dollars(self.most)}/{self.period}"


PERIODS = ("night", "day", "month")

_AMOUNT = re.compile(r"\$?([0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18})")
_MOST = 10**9


def micros(text: str) -> int:
    """`12`, `12.50`, `$12.50` → millionths of a dollar: ASCII digits with one point at most, and nothing else.

    Raises:
        UsageError: not an amount.
    """
    found = _AMOUNT.fullmatch(text)
    if not found or Decimal(found[1]) > _MOST:
        raise UsageError(f"{text!r} is not an amount of US dollars: write it like 12.50")
    return int(Decimal(found[1]) * MICROS)


def prices(text: str, known: Mapping[str, int], values: Collection[str] | None = None) -> dict[str, int]:
    """`5=0.49,10=0.98` → the price by value, over what is known; `0.49` where each request costs the same.

    Args:
        values: what a price can be told for, where that is more than is known; [""]: each request; none: anything.

    Raises:
        UsageError: not of that form, or a value that the job does not know.
    """
    values = known.keys() if values is None else values
    if [*values] == [""]:
        return {"": _told_price(text)}
    told: dict[str, int] = {}
    for part in text.split(","):
        value, _, amount = part.strip().partition("=")
        if (values and value not in values) or value in told or not _AMOUNT.fullmatch(amount):
            named = " and ".join(values) or "any value"
            raise UsageError(f"--price {text!r}: write it like 5=0.49,10=0.98, each once; prices go by {named}")
        told[value] = micros(amount)
        if not told[value]:  # a row for nothing has room in every budget
            raise UsageError(f"--price {text!r}: a row of {value} costs something: write it like {value}=0.49")
    return {**known, **told}


def _told_price(text: str) -> int:
    amount = micros(text) if _AMOUNT.fullmatch(text) else 0
    if not amount:
        raise UsageError(f"--price {text!r}: each request costs the same here: write it like 0.49")
    return amount


def dollars(micros: int) -> str:
    """`490000` → `$0.49`: whole cents, fractions of a cent only where there are some."""
    text = f"{micros / MICROS:,.6f}"
    whole, fraction = text.split(".")
    return f"${whole}.{fraction[:2]}{fraction[2:].rstrip('0')}"
