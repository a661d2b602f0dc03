"""Gathers what stands on the page of a report, from the ledger and from the files beside it."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from batch.core.money import dollars
from batch.core.states import State, Status, status
from batch.core.take import Take
from batch.job import Job
from batch.ledger.ledger import LEDGER_ID, Ledger
from batch.ledger.report_rows import ReportRow, changes, last_event, report_rows
from batch.ledger.request_logs import logs_by_row
from batch.ledger.run_history import PastRun, past_runs
from batch.ledger.takes import takes_of
from batch.manifest.loader import Manifest
from batch.report_page.groups import groups_of
from batch.report_page.night_curve import PAUSE, Night, StopMark, nights_of, step_of
from batch.report_page.page import Command, Counted, Fact, NightLine, Page, ShownRow, ShownTake
from batch.report_page.pictures import Found, PictureFinder
from batch.report_page.plots import plot_night, plot_run_times
from batch.report_page.poster_frames import can_take, poster
from batch.report_page.previous_report import Telling, next_telling
from batch.report_page.safe_links import file_address, origin_of, web_address
from batch.report_page.scales import lasting
from batch.report_page.thumbnails import Thumbnails
from batch.report_page.unsent_rows import unsent_inputs
from batch.reports.clock import clock, local
from batch.reports.outcome import Outcome, counted

MOST_ORIGINS = 20
"""Hosts that the page names one by one; of more it says: any with https."""
MOST_ROWS = 50_000
"""Rows on a page: 20 MB, which a browser still opens in seconds."""
_LOGS = 10_000
_NIGHTS = 14
"""Nights in the list of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a report is made of.

    Args:
        page: the file that it is to be.
        table: the manifest's own file; what its ledger names counts from its folder.
        say: told what takes long.
    """

    ledger: Path
    table: Path
    page: Path
    manifest: Manifest
    outcome: Outcome
    sandbox: bool
    version: str
    now: float
    before: Telling | None
    thumbnails: Thumbnails
    say: Callable[[str], None]


def gather(source: Source) -> tuple[Page, Telling]:
    """The page, and how far it tells.

    Raises:
        LedgerError: there is no ledger, or it cannot be used.
        OSError: the folder of the small pictures cannot be written.
    """
    with Ledger.read(source.ledger) as ledger:
        key = _key(ledger, source.ledger)
        telling = next_telling(source.before, key, last_event(ledger), source.now)
        read = list(islice(report_rows(ledger), MOST_ROWS))
        logs = logs_by_row(ledger, _LOGS)
        nights = nights_of(step_of(*change) for change in changes(ledger))
        runs, takes = past_runs(ledger), takes_of(ledger)
    rows = list(_Rows(source, telling, logs, takes).shown(read))
    _note_runs(nights, runs)
    return _page(source, key, telling, rows, nights), telling


def _key(ledger: Ledger, path: Path) -> str:
    """Tells ledgers apart: by the id that the account's book knows one by, else by where it stands."""
    known = ledger.meta(LEDGER_ID) or path.resolve().as_posix()
    return hashlib.sha256(known.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _page(source: Source, key: str, telling: Telling, rows: Sequence[ShownRow], nights: Sequence[Night]) -> Page:
    outcome, now = source.outcome, source.now
    total = outcome.standing.total if len(rows) == MOST_ROWS else len(rows)
    counts = Counter(row.status for row in rows)
    if total > len(rows):
        counts = Counter({str(one): count for one, count in outcome.standing.rows.items()})
    seconds = [take.seconds for row in rows for take in row.takes if take.seconds is not None]
    worker = outcome.worker
    marks = f"{source.page.name.removesuffix('.html').removesuffix('.report')}.marks.csv"
    return Page(
        table=source.table.name,
        marks_name=marks,
        key=key,
        made_at=now,
        made_on=f"{local(now).day} {local(now):%B %Y, %H:%M}",
        version=source.version,
        facts=_facts(outcome, counts, total, nights, seconds),
        counts=[Counted(str(one), counts[one]) for one in Status if counts[one]],
        at_work=f"A run is at work{': ' + worker.at_fal.text() if worker.at_fal else ''}" if worker else "",
        sandbox=source.sandbox,
        news=_news(rows, telling, now),
        to_do=[Command(*one) for one in outcome.to_do],
        groups=groups_of(rows, outcome),
        with_marks=[
            Command(outcome.command_for("take", "--from", marks), "shows what was kept"),
            Command(outcome.command_for("redo", "--from", marks), "says the price, and asks"),
        ],
        night=plot_night(nights[-1], local) if nights else None,
        nights=[_line(night) for night in nights[: -_NIGHTS - 1 : -1]],
        run_times=plot_run_times(seconds),
        rows=rows,
        left_out=total - len(rows),
        media_origins=_origins(one for row in rows for take in row.takes for one in take.sources),
        picture_origins=_origins(
            one.href for row in rows for one in (row.first, row.last) if one is not None and one.is_online
        ),
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """Makes what is shown of rows, with their pictures and takes."""

    source: Source
    telling: Telling
    logs: Mapping[int, Sequence[str]]
    takes: Mapping[int, Sequence[Take]]

    def shown(self, rows: Sequence[ReportRow]) -> Iterator[ShownRow]:
        thumbnails, page_folder = self.source.thumbnails, self.source.page.parent
        finder = PictureFinder(self.source.table.parent, page_folder, thumbnails)
        unsent = unsent_inputs(self.source.manifest, {row.number for row in rows if row.arguments is None})
        inputs = [_inputs(row.arguments) or unsent.get(row.number, {}) for row in rows]
        jobs = [self.source.manifest.jobs.shown(row.endpoint or "") for row in rows]
        pictures = [finder.ends(job, one) for job, one in zip(jobs, inputs, strict=True)]
        videos = {take.request_id: self._file(take) for takes in self.takes.values() for take in takes}
        if can_take():
            for video in videos.values():
                if video:
                    thumbnails.ask(video, poster)
        if thumbnails.missing > _MANY:
            self.source.say(f"making {thumbnails.missing:,} small pictures for the report, once")
        thumbnails.make()
        for row, arguments, ends in zip(rows, inputs, pictures, strict=True):
            yield self._row(row, arguments, ends, videos)

    def _row(
        self,
        row: ReportRow,
        arguments: Mapping[str, Any],
        ends: Sequence[Found | None],
        videos: Mapping[str, Path | None],
    ) -> ShownRow:
        shown = status(
            State(row.state) if row.state else None, edited=bool(row.edited), invalid=row.problem is not None
        )
        takes = [] if row.n is None else [self._take(take, videos) for take in self.takes.get(row.n, ())]
        first, last = (one.shown(self.source.thumbnails) if one else None for one in ends)
        return ShownRow(
            number=row.number,
            n=row.n,
            id=row.id,
            status=str(shown),
            prompt=_prompt(arguments),
            settings=_settings(self.source.manifest.jobs.shown(row.endpoint or ""), arguments),
            kind=(row.kind or "") if shown in _WITH_KIND else "",
            error=_error(shown, row),
            log=self.logs.get(row.number, ()),
            cost=(row.spent or 0) + ((row.price or 0) if shown is Status.IN_DOUBT else 0),
            seconds=next((take.seconds for take in takes if take.chosen), None),
            finished_at=row.finished_at,
            is_new=bool(self.telling.since_at) and (row.last_event or 0) > self.telling.since,
            first=first,
            last=last,
            takes=takes,
        )

    def _take(self, take: Take, videos: Mapping[str, Path | None]) -> ShownTake:
        page_folder, thumbnails = self.source.page.parent.as_posix(), self.source.thumbnails
        video = videos.get(take.request_id)
        small = thumbnails.name(video) if video else ""
        here = file_address(video.as_posix(), page_folder) if video else ""
        return ShownTake(
            number=take.number,
            request_id=take.request_id,
            sources=[one for one in (here, web_address(take.video_url)) if one],
            poster=f"{file_address(thumbnails.folder.as_posix(), page_folder)}/{small}" if small else "",
            cost=take.cost,
            seconds=None if take.submitted_at is None else max(0.0, take.finished_at - take.submitted_at),
            finished_at=take.finished_at,
            chosen=take.chosen,
        )

    def _file(self, take: Take) -> Path | None:
        """The video as it came down; in a rehearsal also as the played service holds it."""
        if take.path:
            path = self.source.table.parent / take.path
            return path if path.is_file() else None
        return _played(take.video_url, self.source.ledger.parent) if self.source.sandbox else None


_MANY = 200
_WITH_KIND = (Status.FAILED, Status.IN_DOUBT, Status.SUBMITTED)


def _played(url: str, home: Path) -> Path | None:
    """The file of a `file:` address below the rehearsal's own folder; of any other address none."""
    from batch.manifest.image_references import LocalPath, parse_reference

    found = parse_reference(url) if url.lower().startswith("file:") else None
    if not isinstance(found, LocalPath):
        return None
    path = Path(found.path).resolve()
    return path if path.is_relative_to(home.resolve()) and path.is_file() else None


def _inputs(arguments: str | None) -> Mapping[str, Any]:
    try:
        told = json.loads(arguments or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _prompt(arguments: Mapping[str, Any]) -> str:
    prompt = arguments.get("prompt")
    return prompt if isinstance(prompt, str) else ""


def _settings(job: Job, arguments: Mapping[str, Any]) -> str:
    told = {name: value for name, value in arguments.items() if name != "prompt" and name not in job.local}
    units = {name: f" {units[0]}" for name, units in job.units.items() if units}
    return ", ".join(
        f"{name.replace('_', ' ')} {value}{units.get(name, '')}" for name, value in told.items() if value != ""
    )


def _error(shown: Status, row: ReportRow) -> str:
    if shown is Status.INVALID:
        return row.problem or ""
    if shown is Status.STALE:
        return "the row was edited after this video was made"
    told = shown in (Status.FAILED, Status.CANCELLED, Status.IN_DOUBT) or (shown is Status.SUBMITTED and row.kind)
    return (row.message or "") if told else ""


def _facts(
    outcome: Outcome, counts: Mapping[str, int], total: int, nights: Sequence[Night], seconds: Sequence[float]
) -> list[Fact]:
    now = outcome.standing
    done = counts.get(Status.SUCCEEDED, 0) + counts.get(Status.STALE, 0)
    facts = [Fact("Videos", f"{done:,}", f"of {counted(total)}")]
    under_way = f"{dollars(now.under_way)} more under way or in doubt" if now.under_way else "nothing under way"
    facts.append(Fact("Spent", dollars(now.spent), under_way))
    if nights:
        last = nights[-1]
        facts.append(
            Fact("Last at work", clock(last.ended // 60 * 60, outcome.now), f"for {lasting(last.ended - last.began)}")
        )
    if seconds:
        middle = sorted(seconds)[len(seconds) // 2]
        facts.append(Fact("A video took", lasting(middle), "from submit to video, in the middle"))
    return facts


def _news(rows: Sequence[ShownRow], telling: Telling, now: float) -> str:
    if not telling.since_at:
        return ""
    fresh = Counter(row.status for row in rows if row.is_new)
    when = f"the report of {clock(telling.since_at // 60 * 60, now)}"
    if not fresh:
        return f"Nothing is new since {when}."
    words = {"succeeded": "done", "in_doubt": "in doubt"}
    return f"New since {when}: " + ", ".join(f"{n:,} {words.get(one, one)}" for one, n in fresh.most_common()) + "."


def _note_runs(nights: Sequence[Night], runs: Iterable[PastRun]) -> None:
    """Which run was in which night: what it had at fal, and why it stopped."""
    for run in runs:
        ended = run.ended if run.ended is not None else max([run.began, *(at for at, _, _ in run.at_fal)])
        for night in nights:
            if run.began <= night.ended + PAUSE and ended >= night.began - PAUSE:
                night.runs += 1
                night.samples = sorted([*night.samples, *run.at_fal])
                night.began, night.ended = min(night.began, run.began), max(night.ended, ended)
                if run.stopped:
                    night.stops.append(StopMark(ended, run.stopped))
                break


def _line(night: Night) -> NightLine:
    day = local(night.began)
    stops = [stop.why for stop in night.stops]
    return NightLine(
        when=f"{day:%a} {day.day} {day:%b %Y, %H:%M}",
        lasted=lasting(night.ended - night.began),
        done=night.done,
        failed=night.failed,
        spent=round(night.spent),
        end=stops[-1] if stops else "",
    )


def _origins(addresses: Iterable[str]) -> list[str]:
    found = sorted({origin for one in addresses if (origin := origin_of(one))})
    return found if len(found) <= MOST_ORIGINS else sorted({f"{origin.partition(':')[0]}:" for origin in found})
