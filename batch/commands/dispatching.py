"""Dispatches until all is home, the time is up, or a signal comes."""

import sys
from functools import partial
from math import inf

import anyio

from batch.account.book import AccountBook
from batch.commands import signals
from batch.commands.alarms import Alarm, watch
from batch.commands.at_work import AT_FAL
from batch.commands.caps import ending
from batch.commands.companions import Companions
from batch.commands.ended import Ended
from batch.commands.messages import Say
from batch.commands.slot_sharing import share_slots
from batch.core.gateway import Gateways
from batch.core.worker import FalCounts
from batch.dispatch.dispatcher import Dispatcher
from batch.dispatch.settings import Settings
from batch.dispatch.stopping import Stop
from batch.ledger.async_ledger import AsyncLedger, async_ledger
from batch.ledger.ledger import Ledger
from batch.reports import progress
from batch.reports.screen import Screen
from batch.results_writer.autosave import Autosave

NOTE_SECONDS = 10.0
INTERRUPTED = Stop("interrupted", "stopped by a signal")


async def dispatch(
    ledger: Ledger,
    gateways: Gateways,
    settings: Settings,
    autosave: Autosave,
    ended: Ended,
    beside: Companions,
    screen: Screen | None,
    total: int,
    alarm: Alarm | None = None,
    book: AccountBook | None = None,
) -> None:
    """Until nothing can be brought further in this run, or it is to end.

    Args:
        screen: where progress is shown; None: nowhere.
        total: the rows of the table.
        book: of the account, where there is one: other runs may be at work.
        alarm: told of the first doubt, and of an early stop.
    """
    eta = progress.Eta(settings.rows, settings.typical_seconds, "rows" if settings.in_rows else "videos")
    async with anyio.create_task_group() as listener:
        async with async_ledger(ledger) as store, anyio.create_task_group() as tasks:
            dispatcher = Dispatcher(store, beside.overheard(ledger, store, gateways, autosave.say), settings)
            ended.tally = dispatcher.tally
            # In a group of its own: it goes on while the first signal's work winds down.
            listener.start_soon(
                _until_signal, dispatcher, settings, tasks.cancel_scope, ended, autosave.say, name="signals"
            )
            tasks.start_soon(autosave.keep, lambda: (ended.tally.counts, beside.state), total, name="results")
            tasks.start_soon(_note_at_fal, dispatcher, store, ledger, beside, settings, name="at fal")
            if book:
                tasks.start_soon(share_slots, dispatcher, store, ledger, book, name="slots of others")
            if screen:
                tasks.start_soon(progress.show, lambda: dispatcher.tally, eta, sys.stderr, screen, name="progress")
            if alarm:
                tasks.start_soon(watch, alarm, dispatcher, name="alarms")
            with anyio.CancelScope() as in_time:
                tasks.start_soon(_until_deadline, dispatcher, settings, in_time, name="deadline")
                async with beside.at_work(store):
                    await dispatcher.run()
            ended.stop, ended.candidates = dispatcher.stopped, dispatcher.candidates
            ended.stop_code = _stop_code(dispatcher.stopped, in_time.cancelled_caught)
            if in_time.cancelled_caught:
                ended.stopped = _out_of_time(settings).message
            tasks.cancel_scope.cancel()
        listener.cancel_scope.cancel()


def _stop_code(stop: Stop | None, out_of_time: bool) -> str | None:
    return stop.code if stop else "deadline" if out_of_time else None


async def _note_at_fal(
    dispatcher: Dispatcher, store: AsyncLedger, ledger: Ledger, beside: Companions, settings: Settings
) -> None:
    """For whoever asks how the run gets on, or got on. Until cancelled; a write that has begun is finished."""

    def note(now: FalCounts) -> None:
        ledger.set_meta(AT_FAL, now.note)
        if beside.history:
            beside.history.note(settings.now(), now)

    seen = FalCounts()
    while True:
        await anyio.sleep(NOTE_SECONDS)
        if (now := dispatcher.tally.at_fal) != seen:
            seen = now
            with anyio.CancelScope(shield=True):
                await store.call(partial(note, now))


def _out_of_time(settings: Settings) -> Stop:
    ends = ending(settings.options)
    return Stop("deadline", f"stopped: the time is up ({ends}); the next run brings home what is under way")


async def _until_deadline(dispatcher: Dispatcher, settings: Settings, scope: anyio.CancelScope) -> None:
    """What waits in fal's line then is taken back; what runs is left to the next run."""
    if settings.deadline < inf:
        await anyio.sleep_until(settings.deadline)
        await dispatcher.recall(_out_of_time(settings))
        scope.cancel()


async def _until_signal(
    dispatcher: Dispatcher, settings: Settings, scope: anyio.CancelScope, ended: Ended, say: Say
) -> None:
    """The first signal stops the run in good order, the second one at once; either is safe."""
    recall = settings.options.recall
    try:
        with signals.listening() as first_signal:
            await first_signal()
            left = "what only waits in fal's line is taken back, what runs" if recall else "what is under way"
            say(
                f"stopping: nothing more is submitted; {left} is picked up by the next run. A submit that is on its "
                "way is waited for, up to a minute (once more: stop at once, as safe)"
            )
            if recall:
                await dispatcher.recall(INTERRUPTED)
            scope.cancel()
            await anyio.sleep_forever()  # the second one must find somebody while the work winds down
    finally:
        ended.interrupted = signals.asked_to_end()  # also by one that came too late to be waited for
