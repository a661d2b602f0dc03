"""Images that cannot be uploaded, on a mock clock: their rows wait, all others go on, and every wait has an end."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import pytest
from anyio import current_time

from batch.core.gateway import NotSent, PrepareAnswer, Prepared
from batch.dispatch.dispatcher import Dispatcher
from batch.job import Arguments
from batch.ledger.ledger import Ledger
from tests.support.simulated import Service, count, ledger_of, night, play, service_queue, shots


@dataclass
class Images(Service):
    """Every row has an image to upload; `refused` says whose upload fails, and when, `hangs` whose never ends."""

    refused: Callable[[str, float], bool] = lambda _prompt, _now: False
    hangs: Callable[[str], bool] = lambda _: False
    local: Callable[[str], bool] = lambda _: True
    upload_seconds: float = 0.5
    at_once: int = 4
    tried: Counter[str] = field(default_factory=Counter)
    most_uploading: int = 0
    _uploaded: set[str] = field(default_factory=set)
    _uploading: int = 0

    def __post_init__(self) -> None:
        self._at_once = anyio.CapacityLimiter(self.at_once)

    async def prepare(self, arguments: Arguments) -> PrepareAnswer:
        prompt = str(arguments["prompt"])
        if not self.local(prompt) or prompt in self._uploaded:
            return Prepared(arguments)
        self.tried[prompt] += 1
        self._uploading += 1
        self.most_uploading = max(self.most_uploading, self._uploading)
        try:
            async with self._at_once:
                await anyio.sleep(600.0 if self.hangs(prompt) else self.upload_seconds)
        finally:
            self._uploading -= 1
        if self.hangs(prompt):
            return NotSent("upload failed: not done in 600 s", reached=True)
        if self.offline(current_time()):
            return NotSent("no network")
        if self.refused(prompt, current_time()):
            return NotSent("upload failed: HTTP 500", reached=True)
        self._uploaded.add(prompt)
        return Prepared(arguments, uploaded=True)


def simulate(ledger: Ledger, service: Service, start: float = 0.0, **how: object) -> tuple[Dispatcher, float]:
    async def one() -> tuple[Dispatcher, float]:
        await anyio.sleep(start)
        return await night(ledger, service, **how), current_time() - start

    told: tuple[Dispatcher, float] = play(one)
    return told


def odd(prompt: str) -> bool:
    return int(prompt.removeprefix("shot ")) % 2 == 1


def first(prompt: str) -> bool:
    return prompt == "shot 0"


def test_one_image_that_always_fails_holds_up_nobody_and_fails_its_row() -> None:
    """The others are done as soon as they would be without it; the row says how often it was tried, and where."""
    ledger, plain = ledger_of(shots(60)), ledger_of(shots(59))
    service = Images(service_queue(4, 60.0), refused=lambda prompt, _: first(prompt))
    dispatcher, _ = simulate(ledger, service, concurrency=4)
    _, undisturbed = simulate(plain, Images(service_queue(4, 60.0)), concurrency=4)
    assert (count(ledger, "succeeded"), count(ledger, "failed"), dispatcher.tally.failed) == (59, 1, 1)
    (kind, message) = ledger.db.execute("SELECT kind, message FROM row WHERE state = 'failed'").fetchone()
    assert kind == "upload_failed"
    assert "tried" in message
    assert "while the images of other rows were uploaded" in message
    assert max(request.ended_at for request in service.queue.requests) <= undisturbed + 60
    assert service.tried["shot 0"] < 15


def test_images_that_cannot_be_uploaded_do_not_stop_the_rows_that_have_none() -> None:
    """Every second row has a URL: these are submitted at once, through an hour in which no upload works."""
    ledger = ledger_of(shots(40))
    service = Images(service_queue(4, 60.0), refused=lambda _, now: now < 1500, local=odd)
    simulate(ledger, service, concurrency=4)
    assert count(ledger, "succeeded") == 40
    assert len(service.queue.requests) == 40
    even = [one for one in service.queue.requests if not odd(str(one.input["prompt"]))]
    assert max(one.ended_at for one in even) < 6 * 60
    assert max(service.tried.values()) < 30


def test_uploads_that_hang_take_no_slot() -> None:
    """Half of the rows hang in their uploads; the other half is done meanwhile, in the time that it takes."""
    ledger = ledger_of(shots(40))
    service = Images(service_queue(2, 60.0), hangs=odd, local=odd, at_once=20)
    dispatcher, took = simulate(ledger, service, concurrency=2)
    assert count(ledger, "succeeded") == 20
    assert max(one.ended_at for one in service.queue.requests) < 10 * 60 + 60
    assert count(ledger, "pending") == 20
    assert took < 3 * 3600
    assert dispatcher.stopped
    assert dispatcher.stopped.code == "images"


def test_no_more_requests_are_unfinished_than_allowed_however_many_images_are_ready() -> None:
    """Uploads run ahead, submits do not; rows come nearly in the table's order, each image uploaded once."""
    ledger = ledger_of(shots(100))
    service = Images(service_queue(100, 60.0))
    simulate(ledger, service, concurrency=3)
    assert service.most_unfinished == 3
    assert count(ledger, "succeeded") == 100
    assert set(service.tried.values()) == {1}
    order = [int(str(one.input["prompt"]).removeprefix("shot ")) for one in service.queue.requests]
    assert max(abs(number - place) for place, number in enumerate(order)) < 12


def test_uploads_do_not_run_ahead_without_end() -> None:
    """A table of local images does not come into memory, nor to fal, whole."""
    ledger = ledger_of(shots(2000))
    service = Images(service_queue(1000, 60.0), upload_seconds=30.0, at_once=100)
    simulate(ledger, service, concurrency=500)
    assert count(ledger, "succeeded") == 2000
    assert service.most_uploading <= 500 + 256


def test_an_hour_without_uploads_fails_no_row() -> None:
    """No image is to blame while none is taken."""
    ledger = ledger_of(shots(20))
    service = Images(service_queue(4, 60.0), refused=lambda _, now: 100 < now < 3600)
    simulate(ledger, service, concurrency=4)
    assert count(ledger, "succeeded") == 20
    assert len(service.queue.requests) == 20
    assert max(service.tried.values()) < 45


def test_images_that_nobody_takes_for_an_hour_are_left_to_the_next_run() -> None:
    """The run ends and says why; the rows wait as they were, and cost nothing."""
    ledger = ledger_of(shots(5))
    service = Images(service_queue(4, 60.0), refused=lambda _, now: now < 10_000)
    dispatcher, took = simulate(ledger, service)
    assert took < 4000
    assert dispatcher.stopped
    assert dispatcher.stopped.code == "images"
    assert "5 of them: upload failed: HTTP 500" in dispatcher.stopped.message
    assert (count(ledger, "pending"), ledger.money().spent) == (5, 0)
    simulate(ledger, service, start=10_000.0)
    assert count(ledger, "succeeded") == 5


@pytest.mark.parametrize("hours", [2, 8])
def test_without_a_network_images_are_waited_for(hours: int) -> None:
    """Nothing fails and nothing is left, however long; no frenzy."""
    ledger = ledger_of(shots(20))
    service = Images(service_queue(4, 60.0), offline=lambda now: now < hours * 3600)
    dispatcher, _ = simulate(ledger, service)
    assert dispatcher.stopped is None
    assert count(ledger, "succeeded") == 20
    assert max(service.tried.values()) < 20 + hours * 3600 / 60


def test_a_stop_does_not_wait_for_uploads() -> None:
    """The account is refused with the first row: the run ends, and what hangs in its upload is left as it was."""
    ledger = ledger_of(shots(10))
    service = Images(service_queue(4, 60.0), hangs=odd, local=odd, locked=lambda _: True)
    dispatcher, took = simulate(ledger, service, concurrency=4)
    assert dispatcher.stopped
    assert took < 60
    assert count(ledger, "pending") == 10


def test_at_the_cap_no_upload_is_waited_for() -> None:
    """What is under way comes home, and the run ends with it."""
    from batch.core.money import Budget

    ledger = ledger_of(shots(10))
    service = Images(service_queue(4, 60.0), hangs=first, local=first)
    dispatcher, took = simulate(ledger, service, concurrency=2, budget=Budget(run=3 * 490_000))
    assert dispatcher.stopped
    assert dispatcher.stopped.code == "budget"
    assert count(ledger, "succeeded") == 3
    assert took < 400
