"""Money: as a person types it, as it is shown, and how much of it may be spent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.money import AccountCap, Budget, Cap, Money, dollars, micros, prices
from batch.errors import UsageError
from jobs.kling import KLING_2_1_PRO as JOB


@pytest.mark.parametrize(
    ("text", "meant"),
    [("12", 12_000_000), ("12.50", 12_500_000), ("$0.49", 490_000), ("7.", 7_000_000), ("0", 0), (".5", 500_000)],
)
def test_amounts_are_exact(text: str, meant: int) -> None:
    """Millionths of a dollar, no float between."""
    assert micros(text) == meant


@pytest.mark.parametrize("text", ["", "x", "-1", "nan", "inf", "1,5", "$", "1e30", "12 EUR", "٣x", " 7 ", "1e2"])
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


@pytest.mark.parametrize("text", ["7=1", "0.49", "5:0.49", "5=1,", " = 1", "5=x", "5=", "5=0.49=1", "5=-1", "5=1,5=2"])
def test_a_price_for_nothing_is_refused_with_what_was_typed_and_what_there_is(text: str) -> None:
    """The whole option, an example, and the values that have a price; behind the first `=` all is the amount."""
    with pytest.raises(UsageError) as refusal:
        prices(text, JOB.prices)
    said = f"--price {text!r}: write it like 5=0.49,10=0.98, each once; prices go by 5 and 10"
    assert str(refusal.value) == said


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


@given(st.integers(0, 10**15))
def test_what_is_shown_is_the_amount_to_the_last_millionth(amount: int) -> None:
    """Typed in again it means the same: nothing is rounded away in between."""
    shown = dollars(amount)
    assert micros(shown.replace(",", "")) == amount
    assert len(shown.partition(".")[2]) >= 2


@pytest.mark.parametrize(("text", "fits"), [("1000000000", True), ("1000000000.000001", False)])
def test_an_amount_ends_at_a_billion(text: str, fits: bool) -> None:
    """Beyond it somebody meant cents, or leant on a key."""
    if fits:
        assert micros(text) == 10**15
    else:
        with pytest.raises(UsageError):
            micros(text)


# Budgets


@pytest.mark.parametrize("cap", ["run", "total"])
def test_a_budget_is_spent_to_the_last_millionth_and_not_beyond(cap: str) -> None:
    """What is spent, what is under way and the price together may reach the cap: `<=`, not `<`."""
    budget = Budget(**{cap: 100})
    money = Money(spent=30, under_way=20)
    assert budget.reached(50, money) is None
    assert budget.reached(51, money)


def test_of_two_caps_the_narrower_one_decides() -> None:
    """Whichever it is."""
    assert Budget(run=10, total=20).reached(10, Money()) is None
    assert Budget(run=10, total=20).reached(11, Money())
    assert Budget(run=20, total=10).reached(11, Money())


def test_the_cap_on_a_run_leaves_out_what_earlier_runs_have_spent_but_not_what_they_left_under_way() -> None:
    """The cap on the ledger's whole life leaves out nothing."""
    money = Money(spent=1000, under_way=40)
    assert Budget(run=100, spent_before=1000).reached(60, money) is None
    assert Budget(run=100, spent_before=1000).reached(61, money)
    assert Budget(total=1039, spent_before=1000).reached(0, money)
    assert Budget(total=1100, spent_before=1000).reached(60, money) is None


def test_a_price_that_nobody_knows_fits_only_where_there_is_no_cap() -> None:
    """Any cap at all is one that it might break."""
    assert Budget(spent_before=7).reached(None, Money(spent=10**15)) is None
    assert Budget(run=10**15).reached(None, Money())
    assert Budget(total=10**15).reached(None, Money())


def test_a_cap_of_nothing_is_a_cap() -> None:
    """Zero is not the same as none: only what is free is allowed."""
    for budget in (Budget(run=0), Budget(total=0)):
        assert budget.capped
        assert budget.reached(0, Money()) is None
        assert budget.reached(1, Money())
    assert not Budget().capped


def test_the_cap_that_has_no_room_is_named() -> None:
    """Of two, that on the run."""
    money = Money(spent=5, under_way=5)
    assert Budget(run=14, total=14).reached(5, money) is Cap.RUN
    assert Budget(run=15, total=14).reached(5, money) is Cap.TOTAL
    assert Budget(total=10**9).reached(None, money) is Cap.TOTAL
    assert Budget(run=15, total=14, spent_before=5).rooms(money) == {Cap.RUN: 10, Cap.TOTAL: 4}


def test_an_accounts_cap_is_shown_as_it_is_typed() -> None:
    assert str(AccountCap.read("20/night")) == "$20.00/night"


@pytest.mark.parametrize("text", ["20", "20/week", "20/night/day", "/", ""])
def test_an_accounts_cap_is_for_a_period(text: str) -> None:
    """What is written otherwise is shown as it is written well."""
    with pytest.raises(UsageError, match="is not an amount for a period: write it like 20/night, 50/day or 400/month"):
        AccountCap.read(text)


def test_a_period_that_there_is_not_has_no_cap() -> None:
    """Also where a program asks for it."""
    with pytest.raises(ValueError, match=r"^the period of a cap is one of night, day, month: not 'week'$"):
        AccountCap(1, "week")


def test_a_price_of_nothing_is_refused_with_the_value_that_it_is_for() -> None:
    """A row for nothing has room in every budget."""
    with pytest.raises(UsageError, match=r"^--price '10=0\.00': a row of 10 costs something: write it like 10=0\.49$"):
        prices("10=0.00", {"5": 1, "10": 2})


amounts = st.integers(0, 50)


@given(
    st.one_of(st.none(), amounts),
    st.one_of(st.none(), amounts),
    st.integers(0, 20),
    st.lists(st.integers(1, 20)),
    st.data(),
)
def test_no_order_of_prices_and_ends_breaks_a_cap(
    run: int | None, total: int | None, before: int, asked: list[int], data: st.DataObject
) -> None:
    """Buying all that is allowed, each request ending now or later, never costs more than the caps say."""
    budget, money = Budget(run, total, before), Money(spent=before)
    for price in asked:
        if budget.reached(price, money):
            continue
        money = Money(money.spent, money.under_way + price)
        if data.draw(st.booleans()):
            money = Money(money.spent + money.under_way, 0)
        assert run is None or money.spent + money.under_way - before <= run
        assert total is None or money.spent + money.under_way <= total


def test_a_price_may_be_that_of_each_request() -> None:
    """One amount; and where any value may decide, any is taken."""
    assert prices("0.49", {}, [""]) == {"": 490_000}
    assert prices("8=0.5", {}, []) == {"8": 500_000}
    for text in ("5=0.49", "0", "nothing"):
        with pytest.raises(UsageError, match="each request costs the same here"):
            prices(text, {}, [""])
