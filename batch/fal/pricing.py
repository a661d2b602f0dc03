"""Compares fal's price of today with the job's published one. Pure."""

from collections.abc import Mapping

from batch.core.gateway import UnitPrice
from batch.core.money import MICROS, dollars
from batch.job import Job

SECONDS = frozenset({"second", "seconds", "sec", "s"})

FACTOR = 10
"""A price of today so many times the published one, or a part so small of it, is a mistake: under a price of nothing a
budget is none."""


def live_prices(job: Job, said: UnitPrice) -> dict[str, int] | None:
    """Price of one request by the value that decides it, in millionths of a dollar; None where it is not understood.

    fal docs (pricing API): `{"unit_price", "unit", "currency"}`; the units are not listed, videos go by the second.
    """
    if said.currency.upper() != "USD" or said.unit.strip().casefold() not in SECONDS:
        return None
    if not said.amount.is_finite() or not 0 < said.amount < 1000:
        return None
    if not job.prices or not all(value.isdecimal() for value in job.prices):
        return None
    live = {value: int((said.amount * int(value) * MICROS).to_integral_value()) for value in job.prices}
    if any(not price / FACTOR <= live[value] <= price * FACTOR for value, price in job.prices.items()):
        return None
    return live


def difference(job: Job, live: Mapping[str, int]) -> str | None:
    """What to tell of a price that is not the published one; None where it is."""
    changed = [value for value in job.prices if live[value] != job.prices[value]]
    if not changed:
        return None
    unit = next(iter(job.units.get(job.price_by, ())), "")
    parts = [f"{dollars(live[one])} for {one} {unit} (published: {dollars(job.prices[one])})" for one in changed]
    return f"fal's price is now {', '.join(parts)}: that is what counts"
