"""`download`: brings down what has not come yet, from the ledger; `--verify` reads what is there."""

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio

from batch.commands.at_work import noted
from batch.commands.batch import Batch
from batch.commands.ended import Ended
from batch.commands.manifest_reading import read_manifest
from batch.commands.messages import Say
from batch.commands.session import ungrouped_errors
from batch.commands.video_downloads import (
    OpenMedia,
    VideoDownloads,
    bring_videos,
    chosen_folder,
    chosen_template,
    open_media,
)
from batch.commands.video_naming import require_names
from batch.core.video_files import KeptVideo
from batch.downloads.file_names import NameTemplate
from batch.errors import LedgerError
from batch.ledger.file import locked, write_errors
from batch.ledger.ledger import Ledger
from batch.ledger.summary import summarize
from batch.ledger.video_records import forget_file, kept_videos
from batch.reports.outcome import Outcome
from batch.results_writer.autosave import Autosave
from batch.results_writer.overwrite_checks import note_target
from batch.results_writer.writer import ResultsWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadOptions:
    """How videos are to come down, as a person says it."""

    folder: str | None = None
    name: str | None = None
    at_once: int = 4
    verify: bool = False


def download_batch(
    batch: Batch,
    options: DownloadOptions,
    say: Say,
    *,
    open_media: OpenMedia = open_media,
    rand: Callable[[], float] = random.random,
    now: Callable[[], float] = time.time,
) -> Outcome:
    """Fetches what is missing, needs no key, and buys nothing.

    Raises:
        BatchError: there is no ledger, another run holds it, or names that cannot be meant.
    """
    if not batch.ledger.exists():
        raise LedgerError(f"{batch.manifest.path} has no ledger yet: nothing was run")
    batch.checked_table()
    with locked(batch.ledger), Ledger.open(batch.ledger) as ledger:
        batch.require_own_model(ledger)
        batch.note_model(ledger)
        note_target(ledger, batch.target)
        template = chosen_template(ledger, options.name)
        digest = None
        if template and NameTemplate.read(template).columns:  # the ledger knows all but these
            digest = read_manifest(batch.manifest, ledger, None, now(), anew=False).digest
        require_names(batch.manifest, ledger, template, digest)
        ended, damaged = Ended(), list(_examined(batch, ledger, verify=options.verify))
        for line in damaged:
            say(line)
        folder = chosen_folder(batch, ledger, options.folder)
        videos = VideoDownloads(batch, ledger, folder, options.at_once, say, open_media=open_media, rand=rand, now=now)
        with write_errors(batch.ledger), ungrouped_errors(), noted(ledger, now()):
            anyio.run(bring_videos, ledger, videos, ended, say)
        saved = Autosave(ResultsWriter(batch.manifest, batch.ledger, batch.target), say).finish(ledger)
        return Outcome(
            standing=summarize(ledger),
            now=now(),
            table=str(saved.path or batch.ledger),
            unwritten=saved.path is None,
            command=batch.command,
            interrupted=ended.interrupted,
            videos=videos.outcome(),
            damaged_videos=len(damaged),
        )


def _examined(batch: Batch, ledger: Ledger, *, verify: bool) -> Iterator[str]:
    """Files that are gone are to come again; with `verify` those that are not what came are told, and left alone."""
    base = batch.manifest.path.resolve().parent
    for video in list(kept_videos(ledger)):
        path = base / video.path
        if not path.exists():
            forget_file(ledger, video.request_id)
        elif verify and (why := _difference(path, video)):
            row = "" if video.number is None else f"row {video.number}: "
            yield f"{row}{path} is not what was brought down ({why}): remove it, and `download` brings it again"


def _difference(path: Path, video: KeptVideo) -> str | None:
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if size != video.size:
                return f"{size:,} bytes, and it had {video.size:,}"
            same = hashlib.file_digest(file, "sha256").hexdigest() == video.sha256
            return None if same else "other bytes"
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
