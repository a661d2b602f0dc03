"""Money: as a person types it, as it is shown, and how much of it may be spent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.money import dollars, micros, prices
from batch.errors import UsageError
from jobs.kling import KLING_2_1_PRO as JOB


@pytest.mark.parametrize(
    ("text", "meant"),
    [("12", 12_000_000), ("12.50", 12_500_000), ("$0.49", 490_000), (" 7 ", 7_000_000), ("0", 0), ("1e2", 100_000_000)],
)
def test_amounts_are_exact(text: str, meant: int) -> None:
    """Millionths of a dollar, no float between."""
    assert micros(text) == meant


@pytest.mark.parametrize("text", ["", "x", "-1", "nan", "inf", "1,5", "$", "1e30", "12 EUR", "٣x"])
def test_what_is_no_amount_is_refused_with_an_example(text: str) -> None:
    """A cap that nobody can read must not become no cap."""
    with pytest.raises(UsageError, match=r"12\.50"):
        micros(text)


def test_prices_replace_only_what_they_name() -> None:
    """The other durations keep the published price."""
    assert prices("10=1", JOB.prices) == {"5": 490_000, "10": 1_000_000}
    assert prices(" 5=0.3, 10=0.6 ", JOB.prices) == {"5": 300_000, "10": 600_000}


@pytest.mark.parametrize("text", ["", "5", "5:1", "7=1", "5=1,", "=1", "5=x"])
def test_prices_that_cannot_be_meant_are_refused(text: str) -> None:
    """An unknown duration, a missing sign, a missing amount."""
    with pytest.raises(UsageError):
        prices(text, JOB.prices)


@given(st.text(max_size=12))
def test_whatever_is_typed_as_money_is_understood_or_refused(text: str) -> None:
    """Never a traceback."""
    for understand in (micros, lambda said: prices(said, JOB.prices)):
        try:
            understand(text)
        except UsageError:
            continue


@pytest.mark.parametrize(
    ("micros", "text"), [(490_000, "$0.49"), (0, "$0.00"), (1_234_500_000, "$1,234.50"), (1, "$0.000001")]
)
def test_money_is_shown_in_dollars_and_cents(micros: int, text: str) -> None:
    """With fractions of a cent only where there are some."""
    assert dollars(micros) == text
