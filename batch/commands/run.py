"""`run`: puts a run together (manifest, ledger, gateway, dispatcher, results) and ends it."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from batch.commands.alarms import Alarm
from batch.commands.at_work import noted
from batch.commands.batch import Batch
from batch.commands.caps import Caps
from batch.commands.ended import Ended
from batch.commands.manifest_reading import ReadManifest, enrol_edits, read_manifest
from batch.commands.manifest_watch import ManifestWatch
from batch.commands.messages import Say
from batch.commands.remembered_options import note_results, note_run, remember
from batch.commands.session import Connect, connect, record_interrupted, ungrouped_errors
from batch.core.money import Budget
from batch.core.run_options import RunOptions
from batch.core.take import short_of_takes
from batch.dispatch.stopping import Stop
from batch.ledger.booking import was_moved
from batch.ledger.file import locked, write_errors
from batch.ledger.ledger import Ledger
from batch.ledger.news import Told, begin_telling, note_told, read_news, read_told
from batch.ledger.run_history import RunHistory
from batch.ledger.summary import LedgerSummary, summarize
from batch.reports.outcome import Outcome, counted
from batch.reports.screen import Screen
from batch.results_writer.autosave import Autosave
from batch.results_writer.overwrite_checks import note_target
from batch.results_writer.writer import ResultsWriter, Saved
from batch.table import Table

if TYPE_CHECKING:
    from batch.commands.event_keeping import EventKeeper
    from batch.commands.on_cluster import Fleet
    from batch.commands.row_updates import OnUpdate
    from batch.commands.video_downloads import OpenMedia, VideoDownloads

Mark = Callable[[Ledger, float], None]
"""Marks rows to be run again (`rerun`, `--stale`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a run takes from the world, and shows to it."""

    connect: Connect = connect
    """Called only where there is something to submit or to ask after."""
    now: Callable[[], float] = time.time
    rand: Callable[[], float] = random.random
    show_progress: bool = True
    """On stderr."""
    news: bool = False
    """What is new to whoever was told of an earlier run is found out at the end."""
    alarm: Alarm | None = None
    """Called once each, in a thread, when the submitting stops early and when a row is first in doubt."""
    on_update: "OnUpdate | None" = None
    """Takes each change of a row."""
    agreed: int | None = None
    """What a person has agreed to pay, in millionths of a dollar: where it costs more by now, nothing is bought."""
    open_media: "OpenMedia | None" = None
    """What videos come down from; None: from where they are."""


def run_batch(
    batch: Batch,
    options: RunOptions,
    say: Say,
    *,
    mark: Mark | None = None,
    show_progress: bool = True,
    news: bool = False,
    alarm: Alarm | None = None,
    on_update: "OnUpdate | None" = None,
    agreed: int | None = None,
) -> Outcome:
    """Runs a batch to its end on an event loop of its own. See `run`."""
    around = Surroundings(show_progress=show_progress, news=news, alarm=alarm, on_update=on_update, agreed=agreed)
    return anyio.run(run, batch, options, say, mark, around)


async def run(
    batch: Batch,
    options: RunOptions,
    say: Say,
    mark: Mark | None = None,
    surroundings: Surroundings | None = None,
) -> Outcome:
    """Runs what is pending and brings home what is under way.

    Raises:
        BatchError: nothing was spent, or nothing more will be.
    """
    around = surroundings or Surroundings()
    batch = replace(batch, kept=options.typed, fleet=_fleet(options, say)).asking_for(options.takes)
    table = batch.checked_table()
    with locked(batch.ledger):
        fresh = not batch.ledger.exists()
        with Ledger.open(batch.ledger) as ledger, _nothing_left_by_a_refusal(ledger, fresh=fresh):
            batch.require_own_model(ledger)
            batch.require_known_results(ledger)
            told = begin_telling(ledger) if around.news else read_told(ledger)
            read = _enrol_manifest(batch, ledger, table, mark, around.now())
            if fresh and not (options.adopt_known or options.buy_again):
                batch.require_own_ledger(ledger)
            batch.require_price(ledger)
            batch = batch.with_rows_of(ledger)
            if batch.fleet:
                batch.require_one_model()
            with write_errors(batch.ledger), ungrouped_errors(), noted(ledger, around.now()):
                remember(ledger, batch.manifest.path, batch.options)
                note_run(ledger, batch.kept)
                for line in read.columns.lines():
                    say(line)
                if read.findings.invalid:
                    say(f"{counted(read.findings.invalid)} cannot be run: `kling-batch check` lists why")
                for line in short_of_takes(read.findings.short):
                    say(line)
                videos = _videos(batch, ledger, read.digest, options, around, say)
                with _event_log(ledger, options, around, say) as events:
                    outcome = await _run(_Run.of(batch, ledger, read.digest, options, around, say, videos, events))
                    return _with_news(outcome, ledger, told, around) if told else outcome


def _fleet(options: RunOptions, say: Say) -> "Fleet | None":
    """The workers that the calls are made by, where they are to be."""
    if options.on is None:
        return None
    from batch.commands.on_cluster import Fleet

    shared = None if options.shared_folder is None else Path(options.shared_folder)
    return Fleet(options.on, options.workers, shared, say)


@contextmanager
def _nothing_left_by_a_refusal(ledger: Ledger, *, fresh: bool) -> Iterator[None]:
    """A run that is refused takes the ledger away again that it has made."""
    try:
        yield
    except BaseException:
        if fresh:
            ledger.remove_unused()
        raise


@dataclass(frozen=True, slots=True)
class _Run:
    """What the steps of a run share, from its open ledger on."""

    batch: Batch
    ledger: Ledger
    options: RunOptions
    around: Surroundings
    autosave: Autosave
    watch: ManifestWatch
    screen: Screen
    videos: "VideoDownloads | None"
    events: "EventKeeper | None"
    ended: Ended = field(default_factory=Ended)

    @classmethod
    def of(
        cls,
        batch: Batch,
        ledger: Ledger,
        digest: str,
        options: RunOptions,
        around: Surroundings,
        say: Say,
        videos: "VideoDownloads | None",
        events: "EventKeeper | None",
    ) -> "_Run":
        """`digest` is that of the manifest as it was read."""
        writer, screen = ResultsWriter(batch.manifest, batch.ledger, batch.target), Screen()
        autosave = Autosave(writer, screen.above(say))
        watch = ManifestWatch(batch.manifest, batch.ledger, digest, writer.source)
        return cls(batch, ledger, options, around, autosave, watch, screen, videos, events)

    @property
    def say(self) -> Say:
        """One line to the user, above a bar."""
        return self.autosave.say


async def _run(this: _Run) -> Outcome:
    batch, ledger, around = this.batch, this.ledger, this.around
    summary = summarize(ledger)
    if summary.to_run or summary.at_fal or summary.in_doubt:
        await _through_fal(this, summary)
    else:
        await _without_fal(this)
    ledger.marks.clear()  # what was not begun stays as it was
    enrol_edits(batch.manifest, ledger, this.watch, around.now())
    saved = this.autosave.finish(ledger)
    note_results(ledger, batch.table, saved.path)
    return _outcome(this, saved)


async def _through_fal(this: _Run, summary: LedgerSummary) -> None:
    """Something is bought, or asked after."""
    from batch.commands.account_book import account_book
    from batch.commands.before_dispatch import announce_price, require_agreed, settings_of, settle_before
    from batch.commands.companions import Companions
    from batch.commands.dispatching import INTERRUPTED, dispatch

    batch, ledger, options, around = this.batch, this.ledger, this.options, this.around
    cap, own = options.max_spend_account, options.own_table
    follows = options.logs or around.on_update is not None
    if batch.fleet:
        batch.fleet.told_by(this.say, this.events, around.now)
    async with (
        around.connect(replace(batch, keep=options.keep, logs=follows)) as gateways,
        account_book(batch, ledger, gateways, around.now, this.say, cap, own_table=own) as book,
    ):
        summary = await settle_before(batch, ledger, summary, book, gateways, options, around.now, this.say)
        budget = Budget(options.max_spend, options.max_spend_total, ledger.money().spent)
        caps = Caps(options, budget, book, around.now)
        if summary.to_run:
            summary = await announce_price(batch, ledger, summary, gateways, caps, this.say)
            require_agreed(summary, around.agreed)
        settings = settings_of(batch, ledger, book, summary, caps, this.watch, now=around.now, rand=around.rand)
        if summary.to_run:
            this.autosave.first()  # nothing is bought that cannot be written back
            ledger.shown = True
        shown = this.screen if around.show_progress else None
        history = RunHistory(ledger, around.now())
        beside = Companions(this.videos, this.events, around.on_update, options.logs, history)
        ended, total = this.ended, summary.total
        await dispatch(ledger, gateways, settings, this.autosave, ended, beside, shown, total, around.alarm, book)
        ended.stopped = _why_stopped(ended.stop, caps, batch.typical_seconds) or ended.stopped
        ended.first = caps.first(ended.stop, batch.typical_seconds, begun=any(ended.tally.counts))
        history.end(around.now(), INTERRUPTED.message if ended.interrupted else ended.stopped or "")


async def _without_fal(this: _Run) -> None:
    """Nothing is bought: only the book may have to know where the table is, and videos may have to come down."""
    if not this.batch.sandbox and was_moved(this.ledger):
        from batch.commands.account_book import note_moved

        await note_moved(this.batch, this.ledger, this.around.now)
    if this.videos:
        from batch.commands.video_downloads import bring_videos

        await bring_videos(this.ledger, this.videos, this.ended, this.say, this.options.max_seconds)


def _outcome(this: _Run, saved: Saved) -> Outcome:
    batch, ledger, ended = this.batch, this.ledger, this.ended
    outcome = Outcome(
        standing=summarize(ledger),
        now=this.around.now(),
        table=str(saved.path or batch.ledger),
        unwritten=saved.path is None,
        command=batch.command,
        kept=batch.kept,
        spent_now=ended.tally.spent,
        interrupted=ended.interrupted,
        stopped=ended.stopped,
        stop_code=ended.stop_code,
        first=ended.first,
        left=ended.tally.left,
        recalled=ended.tally.recalled,
        videos=this.videos.outcome() if this.videos else None,
    )
    return _with_doubts(outcome, ledger, ended.candidates) if outcome.standing.in_doubt else outcome


def _with_news(outcome: Outcome, ledger: Ledger, told: Told, around: Surroundings) -> Outcome:
    news = read_news(ledger, told, None if outcome.interrupted else outcome.stop_code)
    if not around.news:  # somebody watches, and is told all of it now
        note_told(ledger, news.upto)
    return replace(outcome, news=news)


def _with_doubts(outcome: Outcome, ledger: Ledger, candidates: Mapping[int, Sequence[str]]) -> Outcome:
    from batch.commands.doubts import ask_after, by_number  # what decides about doubts: only where there are some

    return replace(outcome, ask_after=ask_after(outcome.standing), candidates=by_number(ledger, candidates))


def _event_log(
    ledger: Ledger, options: RunOptions, around: Surroundings, say: Say
) -> "AbstractContextManager[EventKeeper | None]":
    if options.log_file is None:
        return nullcontext()
    from batch.commands.event_keeping import event_log

    return event_log(options.log_file, ledger, around.now(), say)


def _videos(
    batch: Batch, ledger: Ledger, digest: str, options: RunOptions, around: Surroundings, say: Say
) -> "VideoDownloads | None":
    """The downloads of this run, where there are to be any.

    Raises:
        UsageError: two videos would have one name: told before anything is spent.
    """
    if options.download is None:
        return None
    from batch.commands.video_downloads import VideoDownloads, chosen_folder, chosen_template, open_media
    from batch.commands.video_naming import require_names

    require_names(batch.manifest, ledger, chosen_template(ledger, options.name), digest)
    folder = chosen_folder(batch, ledger, options.download)
    return VideoDownloads(
        batch,
        ledger,
        folder,
        options.downloads,
        say,
        open_media=around.open_media or open_media,
        rand=around.rand,
        now=around.now,
    )


def _enrol_manifest(batch: Batch, ledger: Ledger, table: Table | None, mark: Mark | None, now: float) -> ReadManifest:
    """What an earlier run left in the air is written down as such; then the manifest is enrolled.

    Args:
        table: the manifest, where it was opened already.
    """
    record_interrupted(ledger, now)
    note_target(ledger, batch.target)
    batch.note_model(ledger)
    read = read_manifest(batch.manifest, ledger, table, now, anew=mark is not None)
    if mark:
        mark(ledger, now)
    return read


def _why_stopped(stop: Stop | None, caps: Caps, typical_seconds: float) -> str | None:
    if not stop:
        return None
    if stop.code == "time":
        return f"{stop.message} {caps.out_of_time(typical_seconds)}"
    remedy = caps.remedy(stop.cap) if stop.cap else _REMEDY.get(stop.code, "")
    return f"{stop.message} {remedy}".rstrip()


_REMEDY = {
    "failures": "— mend what is wrong, then run again; --stop-after sets how many are too many",
    "locked": "— top up or unlock the account at https://fal.ai/dashboard/billing, then run again",
    "http_401": "— set FAL_KEY to a valid key (https://fal.ai/dashboard/keys), then run again",
    "http_402": "— top up the account at https://fal.ai/dashboard/billing, then run again",
    "http_403": "— check what the key may do (https://fal.ai/dashboard/keys), then run again",
}
