"""How a run ended, or where a batch stands: text, JSON and exit code."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from batch.core.money import dollars
from batch.core.plain_text import one_line
from batch.core.retry import WORTH_ANOTHER_TRY
from batch.core.states import Status
from batch.core.video_files import VideosBrought
from batch.core.worker import Worker
from batch.errors import Exit
from batch.ledger.news import News
from batch.ledger.summary import FailureGroup, LedgerSummary, UnheardGroup
from batch.reports.clock import clock

SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    standing: LedgerSummary
    table: str
    """Where the results stand."""
    command: Sequence[str] = ()
    """The arguments that name this batch on a command line."""
    kept: Sequence[str] = ()
    """The options of a run that hold for the next one too, as arguments."""
    spent_now: int = 0
    interrupted: bool = False
    stopped: str | None = None
    """Why rows were left, where the run stopped by itself."""
    stop_code: str | None = None
    """The same for a program: `budget`, `failures`, `locked`, `http_401`, `deadline` …"""
    first: str = ""
    """What has to be done before the same run again would go any further; empty where nothing has to."""
    left: int = 0
    """Requests whose end could not be learned in this run: they stay under way."""
    recalled: int = 0
    """Requests taken back from fal's line before they ran: their rows are to be run again."""
    now: float = 0.0
    """When this is told, in seconds since 1970."""
    ask_after: float | None = None
    """When fal's records can decide about the last row in doubt; None where they decide about none."""
    candidates: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Row in doubt, as the spreadsheet numbers it → the requests at fal that may be its own."""
    worker: Worker | None = None
    """The run that is at work on it while this is told."""
    videos: VideosBrought | None = None
    """Where videos were to come down: what came of it."""
    damaged_videos: int = 0
    """Files that are not what was brought down."""
    unwritten: bool = False
    """The results are in the ledger only; the table could not be read or written."""
    news: News | None = None
    """What happened since a person was last told, where that was asked for."""

    @property
    def exit_code(self) -> Exit:
        """The most urgent one wins; while a run is at work none is, for it may end well."""
        if self.worker:
            return Exit.DONE
        if self.interrupted:
            return Exit.INTERRUPTED
        if self.standing.in_doubt:
            return Exit.IN_DOUBT
        if self.unwritten or self.stopped or self.left or self.standing.to_run or self.standing.at_fal:
            return Exit.STOPPED_EARLY
        if self._videos_missing or self.damaged_videos:
            return Exit.STOPPED_EARLY
        if self.standing.count(Status.FAILED, Status.INVALID, Status.CANCELLED):
            return Exit.ROWS_FAILED
        return Exit.DONE

    @property
    def subject(self) -> str:
        """What a message about it is headed with."""
        now = self.standing
        parts = [f"{now.count(Status.SUCCEEDED, Status.STALE)} of {counted(now.total)} done"]
        parts += [f"{failed} failed"] if (failed := now.count(Status.FAILED)) else []
        parts += [f"{now.in_doubt} in doubt"] if now.in_doubt else []
        parts += ["stopped early"] if self.stopped else []
        return ", ".join(parts)

    @property
    def _videos_missing(self) -> int:
        return self.videos.missing if self.videos else 0

    @property
    def spent_usd(self) -> float:
        """In this run."""
        return self.spent_now / 1_000_000

    @property
    def spent_total_usd(self) -> float:
        """Over the ledger's life."""
        return self.standing.spent / 1_000_000

    def __str__(self) -> str:
        """As the command line tells it."""
        return self.text()

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data: what `--json` prints."""
        return self.json()

    def text(self, *, run: bool = True) -> str:
        """For a person at seven in the morning; of a run that has ended, or of the batch alone."""
        now = self.standing
        done = now.count(Status.SUCCEEDED, Status.STALE)
        have = "has its" if now.total == 1 else "have their"
        lines = [f"{done} of {counted(now.total)} {have} video; see {self.table}"]
        if not now.total:
            lines = [f"no rows in {self.table}"]
        if self.worker:
            lines.append(
                f"a run is at work (process {self.worker.pid} on {self.worker.host}, since {_since(self.worker)})"
                + (f": {self.worker.at_fal.text()}" if self.worker.at_fal else "")
            )
        logs = {one.number: one.log[-1] for one in now.unfinished if one.log}
        lines += [f"  {_failure(failure, logs)}" for failure in now.failures]
        lines += [f"  {count} {OTHERS[one]}" for one in OTHERS if (count := now.count(one))]
        lines += [f"  {line}" for line in self._in_doubt()]
        lines += [f"  {_unheard(one)}" for one in now.unheard]
        if now.unheard:
            lines.append(
                "  each run asks again, and none buys these again by itself; where you know better: "
                f"kling-batch resolve {shlex.join(self.command)} --row N --give-up (or --resubmit, which buys it again)"
            )
        if now.takes:
            lines.append(f"  {now.takes:,} more take{'' if now.takes == 1 else 's'} beside the videos in the table")
        if now.kept:
            lines.append(
                f"  {counted(now.kept)} without a new video still {'has' if now.kept == 1 else 'have'} the last"
            )
        if self.recalled:
            lines.append(f"  {counted(self.recalled)} only waited in fal's line: taken back, $0.00, to be run again")
        if self.videos:
            lines += [f"  {line}" for line in _brought(self.videos)]
        if self.unwritten:
            lines.append(
                "  the table could not be written: the results are safe in the ledger, the next run writes them"
            )
        if now.orphans:
            lines.append(
                f"  {now.orphans} paid for, of rows that the table no longer has: put the rows back to see them"
            )
        money = f"spent {dollars(self.spent_now)} in this run, " if run else "spent "
        money += f"{dollars(now.spent)} in all"
        lines.append(money + (f"; {dollars(now.under_way)} more under way or in doubt" if now.under_way else ""))
        if "--sandbox" in self.command:
            lines.append("this was the sandbox: nothing was really spent")
        if self.stopped:
            rest = f"; left: {counted(now.to_run)} for {dollars(now.to_run_price)}" if now.to_run else ""
            lines.append(f"{self.stopped}{rest}")
        lines += [f"next: {command}{f'   ({remark})' if remark else ''}" for command, remark in self.to_do]
        return "\n".join(map(one_line, lines))

    def _in_doubt(self) -> Iterator[str]:
        """What can be done about the rows in doubt, and when."""
        batch = shlex.join(self.command)
        if self.ask_after is not None and self.ask_after > self.now:
            when = clock(self.ask_after, self.now)
            yield f"fal's records cannot decide about all that is in doubt yet: ask again after {when}"
        elif self.ask_after is not None:
            yield "fal's records decide it as soon as they show two requests that were sent later and have ended"
        if self.standing.held:
            yield (
                f"{self.standing.held} in doubt seem to have been bought before, by a ledger that is not here: "
                f"kling-batch run {batch} --adopt-known takes the videos over and pays nothing; --buy-again pays again"
            )
        for number, ids in list(self.candidates.items())[:SHOWN]:
            yield (
                f"row {number}: fal lists what may be its own ({', '.join(ids[:SHOWN])}): choose with "
                f"kling-batch resolve {batch} --row {number} --adopt REQUEST_ID"
            )

    @property
    def next_command(self) -> str | None:
        """What to type next; None where all is done."""
        return next((command for command, _ in self.to_do), None)

    @property
    def to_do(self) -> list[tuple[str, str]]:
        """All that there is to type, the most urgent first: the command, and when or why where that has to be said."""
        now, later = self.standing, self.ask_after is not None and self.ask_after > self.now
        if self.worker:
            return []
        settle = [("resolve", f"after {clock(self.ask_after or 0, self.now)}" if later else "")]
        told = settle if now.in_doubt > now.held and not later else []
        if now.held:
            told.append(("run --adopt-known", "or --buy-again in its place"))
        elif now.to_run or now.at_fal or self.left or self.unwritten:
            told.append(("run", self.first))
        told += settle if now.in_doubt > now.held and later else []
        if self._videos_missing:
            told.append(("download", ""))
        if now.failures:
            told.append(("rerun", "" if _passing(now) else "when the rows are mended"))
        if now.count(Status.INVALID):
            told.append(("check", ""))
        return [(self._command(what), remark) for what, remark in told]

    def _command(self, what: str) -> str:
        return self.command_for(*what.split(" "))

    def command_for(self, command: str, *options: str) -> str:
        """What to type. Of a run with its own options: a cap that was set is none that somebody has to remember."""
        kept = self.kept if command in ("run", "rerun") else ()
        return shlex.join(["kling-batch", command, *self.command, *options, *kept])

    def json(self) -> dict[str, Any]:
        """The same for a program; money in US dollars."""
        now = self.standing
        return {
            "exit_code": int(self.exit_code),
            "rows": now.total,
            **{str(one): now.count(one) for one in Status},
            "more_takes": now.takes,
            "with_an_earlier_take": now.kept,
            "failures": [
                {"error_type": f.error_type, "rows": f.rows, "example_row": f.example_row, "example": f.example}
                for f in now.failures
            ],
            "rows_without_video": [
                {
                    "row": one.number,
                    "id": one.id,
                    "status": str(one.status),
                    "error_type": one.error_type,
                    "error": one.error,
                    "log": list(one.log),
                }
                for one in now.unfinished
            ],
            "spent_usd": self.spent_usd,
            "spent_total_usd": self.spent_total_usd,
            "under_way_usd": now.under_way / 1_000_000,
            "recalled": self.recalled,
            "stopped": self.stopped,
            "ask_after": None if self.ask_after is None else datetime.fromtimestamp(self.ask_after, UTC).isoformat(),
            "candidates": {str(number): list(ids) for number, ids in self.candidates.items()},
            "stop_code": "interrupted" if self.interrupted else self.stop_code,
            "at_work": self.worker and _worker(self.worker),
            "table": self.table,
            "videos": self.videos
            and {
                "folder": self.videos.folder,
                "brought": self.videos.brought,
                "bytes": self.videos.bytes,
                "missing": self.videos.missing,
                "damaged": self.damaged_videos,
                "reasons": list(self.videos.reasons),
            },
            "next": self.next_command,
            "to_do": [command for command, _ in self.to_do],
        }


def _brought(videos: VideosBrought) -> Iterator[str]:
    if videos.brought:
        what = "1 video" if videos.brought == 1 else f"{videos.brought:,} videos"
        yield f"{what} brought down to {videos.folder} ({videos.bytes / 1e6:,.1f} MB)"
    if videos.missing:
        have = "1 video has" if videos.missing == 1 else f"{videos.missing:,} videos have"
        yield f"{have} not come down yet; their addresses are in the table{': ' if videos.reasons else ''}" + "; ".join(
            videos.reasons
        )


def _since(worker: Worker) -> str:
    """By the clock of whoever reads it."""
    return datetime.fromtimestamp(worker.since, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _worker(worker: Worker) -> dict[str, Any]:
    at_fal = worker.at_fal and asdict(worker.at_fal)
    return {"pid": worker.pid, "host": worker.host, "since": _iso(worker), "at_fal": at_fal}


def _iso(worker: Worker) -> str:
    return datetime.fromtimestamp(round(worker.since), UTC).isoformat()


OTHERS = {
    Status.INVALID: "invalid: `kling-batch check` lists what is wrong with them",
    Status.IN_DOUBT: "in doubt: they may have been paid for; every run asks fal, `kling-batch resolve` decides",
    Status.SUBMITTED: "under way at fal: a run brings them home",
    Status.PENDING: "not submitted yet",
    Status.CANCELLED: "cancelled: `kling-batch rerun` takes them up again",
    Status.STALE: "of the videos are stale: the rows were edited after they were made; `run --stale` buys new ones",
}
"""What is said of rows of a status, behind how many they are."""


def _failure(failure: FailureGroup, logs: Mapping[int, str]) -> str:
    advice = f" ({ADVICE[failure.error_type]})" if failure.error_type in ADVICE else ""
    row = f", row {failure.example_row}" if failure.example_row else ""
    last = logs.get(failure.example_row or 0)
    log = f"; its log ends: {last}" if last else ""
    return f"{failure.rows} failed with {failure.error_type}{advice}: for example{row}: {failure.example}{log}"


def _unheard(group: UnheardGroup) -> str:
    since = datetime.fromtimestamp(round(group.since), UTC).strftime("%Y-%m-%d %H:%M UTC")
    row = f", row {group.example_row}" if group.example_row else ""
    what = _UNHEARD.get(group.error_type, "their end could not be learned")
    return f"{group.rows} of those under way since {since}: {what}: for example{row}: {group.example}"


_UNHEARD = {
    "not_found": "fal says that it does not know the request",
    "no_result": "they have ended, and fal does not give the result",
    "no_status": "fal does not say how they stand",
    "account_refused": "fal refuses the key or the account",
    "unfinished": "fal does not finish them",
}
"""What is the matter with a row whose end could not be learned."""


def _passing(now: LedgerSummary) -> bool:
    """Whether all that failed may simply be tried again."""
    return all(failure.error_type in WORTH_ANOTHER_TRY for failure in now.failures)


def counted(rows: int) -> str:
    """`1 row`, `2 rows`."""
    return f"{rows:,} row" + ("" if rows == 1 else "s")


ADVICE = {
    "content_policy_violation": "reword the prompt or change the image",
    "no_media_generated": "reword the prompt or change the image",
    "image_too_small": "use a larger image (300 px a side at least)",
    "image_too_large": "use a smaller image",
    "image_load_error": "open the image and save it again as JPG or PNG",
    "unsupported_image_format": "save the image as JPG, PNG or WEBP",
    "file_download_error": "fal could not fetch the image: is its URL public?",
    "file_too_large": "use a smaller image file (10 MB at most)",
    "face_detection_error": "use an image in which the face is clear",
}
"""What a person can do about a kind of failure."""
