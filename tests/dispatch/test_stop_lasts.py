"""A stop for equal failures lasts: the next runs try one row before the rest, until one succeeds."""

from collections.abc import Mapping

from anyio import current_time

from batch.sandbox.outcomes import Outcome, model_error
from tests.support.simulated import Service, count, ledger_of, night, play, service_queue, shots

BAD = model_error("image_load_error")
OTHER = model_error("internal_server_error")


class Fal:
    """A service where every run ends badly, until somebody has mended what is wrong."""

    def __init__(self) -> None:
        self.bad: Outcome | None = BAD
        self.service = Service(service_queue(20, 60.0, plan=self._plan))

    def _plan(self, _given: Mapping[str, object], _nth: int) -> Outcome | None:
        return self.bad

    @property
    def bought(self) -> int:
        return len(self.service.queue.requests)


def test_a_wrong_column_burns_one_row_a_night() -> None:
    """Night after night, with any concurrency; when it is mended the first success lets all of them go."""
    ledger, fal = ledger_of(shots(60)), Fal()
    seen: list[int] = []

    async def nights() -> float:
        for concurrency in (10, 10, None, 40):
            before = fal.bought
            dispatcher = await night(ledger, fal.service, concurrency=concurrency)
            assert dispatcher.stopped
            assert dispatcher.stopped.code == "failures"
            seen.append(fal.bought - before)
        fal.bad, began = None, current_time()
        await night(ledger, fal.service, concurrency=20)
        return current_time() - began

    took = play(nights)
    assert seen[0] <= 20
    assert seen[1:] == [1, 1, 1]
    assert count(ledger, "succeeded") == 60 - sum(seen)
    assert ledger.stopped_for() == ""
    assert took < 60.0 * 6  # one first, then twenty at a time


def test_a_row_that_fails_otherwise_is_followed_by_one_more_and_not_by_all() -> None:
    """Its own fault says nothing of the column; a success does."""
    ledger, fal = ledger_of(shots(40)), Fal()
    most: list[int] = []

    async def nights() -> None:
        await night(ledger, fal.service, concurrency=10, stop_after=3)
        fal.bad, fal.service.most_unfinished, before = OTHER, 0, fal.bought
        await night(ledger, fal.service, concurrency=10, limit=2, stop_after=9)
        most.extend([fal.service.most_unfinished, fal.bought - before])

    play(nights)
    assert most == [1, 6]  # three tries each


def test_a_stop_for_refusals_before_the_submit_lasts_too() -> None:
    """Nothing was paid, and the next night tries one."""
    ledger = ledger_of(shots(30))
    service = Refusing(service_queue(5, 60.0))

    async def nights() -> list[int]:
        return [await one() for _ in range(3)]

    async def one() -> int:
        before = count(ledger, "failed")
        await night(ledger, service)
        return count(ledger, "failed") - before

    burnt = play(nights)
    assert burnt[0] <= 20
    assert burnt[1:] == [1, 1]


class Refusing(Service):
    """No image can be had."""

    async def prepare(self, arguments):  # type: ignore[no-untyped-def]
        from batch.core.gateway import Refused

        return Refused("image", "no such file")


def test_whoever_wants_no_stop_gets_no_trial() -> None:
    """`--stop-after 0` means all of them."""
    ledger, fal = ledger_of(shots(30)), Fal()

    async def nights() -> None:
        await night(ledger, fal.service, concurrency=5, stop_after=3)
        await night(ledger, fal.service, concurrency=20, stop_after=0)

    play(nights)
    assert fal.bought == 30
