"""When the table is saved while a run is on, and what is said of it."""

from collections.abc import Callable
from functools import partial

import anyio
import pytest

from batch.results_writer.autosave import Autosave
from batch.results_writer.writer import ResultsWriter
from tests.support.sheets import SHOTS, Sheet
from tests.support.simulated import play


@pytest.mark.parametrize(("rows", "seconds"), [(3, 30.0), (1_000_000, 1000.0)])
def test_the_longer_a_table_the_later_it_is_saved_first(make: Callable[..., Sheet], rows: int, seconds: float) -> None:
    """A million rows take twenty seconds to write, which is to be a fiftieth of the time from the beginning."""
    batch = make(SHOTS)
    batch.succeed(1)
    saver = Autosave(ResultsWriter(batch.manifest, batch.at), pytest.fail)

    async def run(until: float) -> None:
        with anyio.move_on_after(until):
            await saver.keep(lambda: 1, rows)

    play(partial(run, seconds - 1))
    assert batch.path.read_text() == SHOTS
    play(partial(run, seconds + 1))
    assert "https://v/1" in batch.path.read_text()
