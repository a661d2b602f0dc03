"""The benchmarks still run, and would say so if what they measure went wrong."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.benchmarks import page_opening, parquet_save, report, workers
from tests.benchmarks.clients import Client, clients
from tests.benchmarks.measure import Case, Measured, measure

ROOT = Path(__file__).parents[2]
TINY = Case(slots=5, rows=10, seconds=0.05, spread=0.1)


@pytest.mark.parametrize("client", clients(), ids=lambda client: client.name)
def test_every_client_brings_every_row_home_once(client: Client) -> None:
    """A tiny case, for each client that is installed: every row submitted once, every result fetched."""
    if client.missing:
        pytest.skip(client.missing)
    run = measure(client, TINY)
    assert run.faults() == []
    assert run.seen["asked"]["submit"] == len(run.lags) == TINY.rows
    assert min(run.lags) >= 0


@pytest.mark.parametrize(("holds", "ideal"), [(False, 0.1 + 0.025), (True, 2 * (0.05 + 0.025))])
def test_a_wait_before_the_run_is_part_of_the_ideal_once_or_each_time(holds: bool, ideal: float) -> None:
    """In a line all wait at the same time; a runner that starts takes its slot."""
    case = replace(TINY, spread=0.0, wait=0.5, holds=holds)
    run = measure(clients()[0], case)
    assert run.faults() == []
    assert run.ideal == pytest.approx(ideal)
    assert run.makespan > 1


def test_a_row_paid_twice_and_a_lost_result_are_told_under_the_table() -> None:
    """Three requests for two rows, one result never fetched: both are said, beside the exit code."""
    table = report.table(replace(TINY, rows=2), {"careless": [_careless()]})
    assert table.endswith("careless: exit code 1, 1 rows paid twice, 1 results never fetched")
    assert "| careless | 1 |" in table


def test_new_results_replace_the_old_ones_and_nothing_else(tmp_path: Path) -> None:
    """Written twice, a section holds the second results between its markers, the rest of the README what it held."""

    def section(name: str, text: str) -> str:
        return f"{report.BEGIN.format(name)}\n\n{text}\n\n{report.END.format(name)}\n"

    readme = tmp_path / "README.md"
    readme.write_text("above\n\n" + section("results", "old") + section("sizes", "kept") + "below\n", encoding="utf-8")
    report.write("first", "results", readme)
    report.write("second", "results", readme)
    now = "above\n\n" + section("results", "second") + section("sizes", "kept") + "below\n"
    assert readme.read_text(encoding="utf-8") == now


def test_a_save_of_parquet_is_measured_first_and_second(tmp_path: Path) -> None:
    """Each in a process of its own, from the same table."""
    parquet_save._make(tmp_path / "table.parquet", 10)
    found = parquet_save._in_turn({"now": ROOT}, tmp_path / "table.parquet", 10, times=1)
    assert list(found) == [("now", "first"), ("now", "second")]
    assert all(seconds > 0 and peak > 1 for ((seconds, peak),) in found.values())
    names = pq.read_schema(tmp_path / "saved.parquet").names
    assert names[:5] == pq.read_schema(tmp_path / "table.parquet").names
    assert len(names) == 5 + 14


def test_a_page_is_made_opened_and_filtered_without_a_word_in_the_console() -> None:
    """In a real browser."""
    one = page_opening.measure(70, times=1)
    assert one.said == []
    assert one.size > 50_000
    assert min(one.first, one.again, one.opened, one.found, one.turned) > 0


def _careless() -> Measured:
    seen = {
        "asked": {"submit": 3, "status": 3, "result": 2},
        "prompts": ["a", "b", "a"],
        "starts": [0.0, 0.0, 0.0],
        "ends": [1.0, 1.0, 1.0],
        "fetched": [1.5, 2.0, None],
        "cpu": 0.1,
    }
    case = replace(TINY, rows=2)
    return Measured(clients()[0], case, began=0.0, ended=2.0, code=1, cpu=0.5, peak=10**6, said="", seen=seen)


def test_a_simulated_night_of_dying_workers_says_what_became_of_its_rows() -> None:
    """A small one of `workers scale`: nothing paid twice, lost, or left in doubt; four submits a worker at most."""
    told = workers.simulate(120, 30, 4, die_seconds=20.0)
    assert (told.paid_twice, told.lost, told.left_in_doubt) == (0, 0, 0)
    assert told.deaths > 50
    assert told.in_doubt <= 4 * told.deaths
    assert told.most_at_once <= 4
    assert told.hours < 1.2 * told.ideal_hours
