"""An id that fal gives to two requests: the second row is in doubt, and nothing else is touched."""

from collections.abc import Callable

import pytest

from batch.core import states
from batch.core.gateway import Accepted, Receipt, SubmitAnswer
from batch.core.states import State
from batch.core.store import RequestTaken
from batch.job import Arguments
from batch.ledger.ledger import Ledger
from tests.support.simulated import EPOCH, Service, count, ledger_of, night, play, service_queue, shots


class Repeating(Service):
    """Gives some POSTs the receipt of an earlier one; fal has accepted them all the same."""

    repeats: Callable[[int], bool] = staticmethod(lambda nth: nth == 3)
    first: Receipt | None = None

    async def submit(self, arguments: Arguments, start_timeout: float = 3600.0) -> SubmitAnswer:
        answer = await super().submit(arguments, start_timeout)
        assert isinstance(answer, Accepted)
        self.first = self.first or answer.receipt
        return Accepted(self.first) if self.repeats(self.asked["submit"]) else answer


def owners(ledger: Ledger) -> dict[str, int]:
    return dict(ledger.db.execute("SELECT request_id, row FROM request"))


def test_a_row_that_is_given_anothers_id_is_in_doubt_and_the_night_goes_on() -> None:
    """10 rows, the third POST answered with the first one's id: nine videos, one doubt, found at fal afterwards."""

    async def run() -> None:
        ledger, service = ledger_of(shots(10)), Repeating(service_queue(4, 300.0))
        dispatcher = await night(ledger, service)
        assert dispatcher.stopped is None
        assert service.asked["submit"] == 10
        assert count(ledger, "succeeded") == 10  # the doubt too: its own request was found in fal's records
        assert len(set(owners(ledger).values())) == 10
        for row, prompt, url in ledger.db.execute("SELECT id, json_extract(arguments, '$.prompt'), video_url FROM row"):
            request = next(one for one in service.queue.requests if one.id in url)
            assert request.input["prompt"] == prompt, row

    play(run)


def test_a_service_that_gives_one_id_to_all_stops_the_submitting() -> None:
    """Equal doubts in a row are a reason to stop: ten rows at most, none of them with the first one's video."""

    async def run() -> None:
        ledger, service = ledger_of(shots(40)), Repeating(service_queue(4, 300.0), unreadable=True)
        service.repeats = lambda nth: True  # type: ignore[method-assign]  # a field of this test's
        dispatcher = await night(ledger, service)
        assert dispatcher.stopped is not None
        assert count(ledger, "succeeded") == 1
        assert count(ledger, "in_doubt") == service.asked["submit"] - 1 < 20
        assert len(owners(ledger)) == 1

    play(run)


def submitted(ledger: Ledger, row: int, receipt: Receipt) -> None:
    with ledger.transaction():
        ledger.apply(row, states.claimed(EPOCH, None, 490_000))
        ledger.apply(row, states.accepted(EPOCH, receipt))


@pytest.mark.parametrize("of", ["another row", "an earlier try of its own"])
def test_the_ledger_takes_no_id_twice(of: str) -> None:
    """Not another row's, nor one that the row itself had before; the row stays as it was, so does the other's."""
    ledger, receipt = ledger_of(shots(2)), Receipt("r", "https://q/r/s", "https://q/r", "https://q/r/c")
    submitted(ledger, 1, receipt)
    row = 2 if of == "another row" else 1
    if row == 1:
        with ledger.transaction():
            ledger.apply(1, states.another_try(EPOCH, "http_500", "broke", 0))
    with pytest.raises(RequestTaken):
        submitted(ledger, row, receipt)
    assert owners(ledger) == {"r": 1}
    assert ledger.db.execute("SELECT state FROM row WHERE id = ?", (row,)).fetchone() == (State.PENDING,)
