"""Before the first submit of a run: what it will cost is told, by fal's price of today where that can be had."""

from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from batch.commands.batch import open_batch
from batch.commands.before_dispatch import PRICE_SECONDS
from batch.core.gateway import Unclear, UnitPrice
from batch.core.run_options import RunOptions
from batch.errors import Exit, UsageError
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.runs import PricedService, a_service, run_through, told
from tests.support.sheets import COLUMN_LINES, PRICE, SHOTS, batch
from tests.support.simulated import LATENCY


@pytest.mark.parametrize(
    ("price", "said"),
    [
        (told("0.098"), ["3 rows to run for $1.47 (3 of 5 s for $1.47)"]),
        (
            told("0.2"),
            [
                "fal's price is now $1.00 for 5 s (published: $0.49), $2.00 for 10 s (published: $0.98): "
                "that is what counts",
                "3 rows to run for $3.00 (3 of 5 s for $3.00)",
            ],
        ),
        (
            told("0.2", "megapixel"),
            [
                "fal's price is now 0.2 USD a megapixel: not understood, so the published one counts",
                "3 rows to run for $1.47 (3 of 5 s for $1.47)",
            ],
        ),
        (Unclear("no answer"), ["3 rows to run for $1.47 (3 of 5 s for $1.47)"]),
        (None, ["3 rows to run for $1.47 (3 of 5 s for $1.47)"]),
    ],
)
def test_the_price_is_told_before_anything_is_spent(
    tmp_path: Path, price: UnitPrice | Unclear | None, said: list[str]
) -> None:
    """fal's of today where it is told and understood within two seconds, the published one else."""
    heard: list[tuple[str, int]] = []
    service = PricedService(a_service().queue, price=price)
    began: list[float] = []
    service.on_submit = lambda _: began.append(anyio.current_time())  # type: ignore[func-returns-value]
    run_through(batch(tmp_path, SHOTS), service, say=lambda text: heard.append((text, service.asked["submit"])))
    assert heard[COLUMN_LINES:] == [(text, 0) for text in said]
    # After the one question that a new ledger asks: whether fal's records know its rows.
    assert began[0] == pytest.approx(LATENCY + (0.0 if price else PRICE_SECONDS))


def test_the_users_own_price_comes_before_fals(tmp_path: Path) -> None:
    """It is not even asked for."""
    shots = tmp_path / "shots.csv"
    shots.write_text(SHOTS)
    service = PricedService(a_service().queue, price=told("0.2"))
    outcome = run_through(open_batch(shots, JOB, price="5=0.30"), service)
    assert (service.asked["price"], outcome.spent_now) == (0, 900_000)


def test_no_budget_is_kept_with_a_price_that_is_not_known(tmp_path: Path) -> None:
    """Whoever caps what is spent is told so, and nothing is submitted."""
    given = batch(tmp_path, "prompt,image,duration\na,https://x.y/1,5\nb,https://x.y/1,10\n")
    given = replace(given, manifest=replace(given.manifest, prices={"5": PRICE}))
    service = a_service()
    with pytest.raises(UsageError, match=r"the price of 1 row is not known, so no budget can be kept: .* --price"):
        run_through(given, service, RunOptions(max_spend=10**9))
    assert service.asked["submit"] == 0
    assert run_through(given, service).exit_code is Exit.DONE


def test_rows_that_ask_for_the_same_are_told_before_they_are_bought(tmp_path: Path) -> None:
    """With the price of today."""
    said: list[str] = []
    given = batch(tmp_path, "prompt,image\n" + "a,https://x.y/1\n" * 3)
    run_through(given, a_service(), say=said.append)
    assert said[-2] == "rows 2–4 ask for the same: $1.47 for three takes"
    assert said[-1].startswith("3 rows to run for $1.47")
