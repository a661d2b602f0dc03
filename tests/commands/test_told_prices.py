"""What rows cost, as it is typed for several models at once."""

import pytest

from batch.commands.told_prices import told_prices
from batch.core.jobs import Jobs
from batch.errors import UsageError
from tests.support.mixed_models import NEWER, PRO, SPOKEN, models_of

JOBS = Jobs(PRO, models_of(NEWER, SPOKEN))


def test_what_stands_behind_a_model_and_a_colon_is_that_models() -> None:
    """Up to the next one; the rest is the table's own."""
    own, others = told_prices("5=0.30, spoken:0.05,kling-3.0-pro:3=0.50,5=0.60", JOBS)
    assert own == {**PRO.prices, "5": 300_000}
    assert others[SPOKEN.endpoint] == {"": 50_000}
    assert {name: others[NEWER.endpoint][name] for name in ("3", "5")} == {"3": 500_000, "5": 600_000}


def test_where_nothing_is_told_each_model_costs_what_it_does() -> None:
    """The very prices of the job: whether any were told can be seen."""
    assert told_prices(None, JOBS) == (PRO.prices, {})
    assert told_prices("spoken:0.05", JOBS)[0] is PRO.prices
    assert told_prices(f"{PRO.name}:5=0.30", JOBS) == ({**PRO.prices, "5": 300_000}, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("spokn:0.05", "spokn is no model: did you mean spoken"),
        ("spoken:5=0.05", "each request costs the same here"),
        ("kling-2.1-pro:0.05", "write it like 5=0.49,10=0.98"),
        ("", "write it like 5=0.49"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, told: str) -> None:
    """With the form that it has for that model."""
    with pytest.raises(UsageError, match=told):
        told_prices(text, JOBS)
