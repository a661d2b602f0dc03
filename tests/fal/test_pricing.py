"""fal's price of today: understood or left alone, never guessed."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.gateway import UnitPrice
from batch.fal.pricing import difference, live_prices
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.simulated import ledger_of, shot


def test_a_price_a_second_is_the_price_of_each_duration() -> None:
    """$0.098 a second is the published price: nothing to tell."""
    live = live_prices(JOB, UnitPrice(Decimal("0.098"), "second", "USD"))
    assert live == JOB.prices
    assert difference(JOB, live) is None


def test_another_price_is_told_beside_the_published_one() -> None:
    """Both durations, in dollars."""
    live = live_prices(JOB, UnitPrice(Decimal("0.12"), "seconds", "usd"))
    assert live == {"5": 600_000, "10": 1_200_000}
    told = difference(JOB, live)
    assert told is not None
    assert "$0.60 for 5 s (published: $0.49)" in told
    assert "$1.20 for 10 s (published: $0.98)" in told


@pytest.mark.parametrize(
    "said",
    [
        UnitPrice(Decimal("0.098"), "megapixel", "USD"),
        UnitPrice(Decimal("0.098"), "second", "EUR"),
        UnitPrice(Decimal(0), "second", "USD"),
        UnitPrice(Decimal(-1), "second", "USD"),
        UnitPrice(Decimal("NaN"), "second", "USD"),
        UnitPrice(Decimal("Infinity"), "second", "USD"),
        UnitPrice(Decimal(10**9), "second", "USD"),
    ],
)
def test_what_is_not_understood_changes_no_price(said: UnitPrice) -> None:
    """Another unit, another currency, no number that could be meant."""
    assert live_prices(JOB, said) is None


@pytest.mark.parametrize(
    ("amount", "price", "understood"),
    [
        ("0", 0, False),
        ("0.000001", 5, True),
        ("999.999999", 4_999_999_995, True),
        ("1000", 5_000_000_000, False),
        ("0.98", 490_000, True),
        ("0.980001", 490_000, False),
        ("0.0098", 490_000, True),
        ("0.009799", 490_000, False),
    ],
)
def test_a_price_of_today_is_understood_within_these_bounds(amount: str, price: int, understood: bool) -> None:
    """Of any amount that could be meant, and of one that is a tenth of the published price to ten times it."""
    job = replace(JOB, prices={"5": price, "10": 2 * price})
    live = live_prices(job, UnitPrice(Decimal(amount), "second", "USD"))
    assert (live is not None) is understood


def test_the_unit_is_told_where_the_job_has_one() -> None:
    """And the prices one after the other."""
    live = {"5": 600_000, "10": 1_200_000}
    assert difference(JOB, live) == (
        "fal's price is now $0.60 for 5 s (published: $0.49), $1.20 for 10 s (published: $0.98): that is what counts"
    )
    for units in ({}, {JOB.price_by: ()}):
        told = difference(replace(JOB, units=units), live)
        assert told is not None
        assert "$0.60 for 5  (published: $0.49), $1.20 for 10  (published: $0.98)" in told


@given(st.decimals(min_value="0.01", max_value="0.9", places=6))
def test_money_is_exact(amount: Decimal) -> None:
    """Ten seconds cost twice what five do, to the millionth of a dollar."""
    live = live_prices(JOB, UnitPrice(amount, "second", "USD"))
    assert live is not None
    assert live["10"] == 2 * live["5"] == int(amount * 10_000_000)


def test_only_rows_that_wait_take_the_new_price() -> None:
    """What is under way or done keeps the price that it was bought at; a row without duration is one of 5 s."""
    ledger = ledger_of([shot(0, "a", "5"), shot(1, "b", "10"), shot(2, "c", "5")])
    ledger.db.execute("UPDATE row SET arguments = json_remove(arguments, '$.duration') WHERE key = 'id:s2'")
    ledger.db.execute("UPDATE row SET state = 'submitting', intent_at = 1 WHERE key = 'id:s0'")
    ledger.reprice(JOB, {"5": 1, "10": 2})
    assert ledger.db.execute("SELECT price FROM row ORDER BY key").fetchall() == [(490_000,), (2,), (1,)]
    assert ledger.money().under_way == 490_000
