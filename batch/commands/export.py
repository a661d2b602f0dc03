"""`export`: hands the kept takes to the edit, as a timeline, a list, or a folder of files."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from batch.commands.batch import Batch
from batch.commands.marked_clips import marked_clips, shown_names
from batch.commands.video_naming import plan_video_names
from batch.core.review_marks import ClipMark
from batch.core.row_numbers import row_numbers
from batch.core.take import Take
from batch.downloads.file_names import finished
from batch.downloads.mp4_boxes import NotAVideo, read_mp4, video_frames
from batch.errors import LedgerError, ManifestError, UsageError
from batch.export.clips import LOOKED_AT, MADE_BY, Clip
from batch.export.cut_list import cut_list, is_cut_list
from batch.export.edit_timeline import SUFFIXES, frame_rate, timeline
from batch.export.folder import fill_folder
from batch.files.atomic import TargetLocked, replacing
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.ledger.takes import TakeRow, rows_with_takes, takes_of
from batch.ledger.video_records import NamedRow, named_rows, planned_names
from batch.table import TableChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What is handed over, and as what.

    Args:
        to: a file that ends in .otio, .edl, .fcpxml or .csv, or a folder.
        marks: the file of a review: only what is marked there to be kept.
        name: how files in a folder are named, like `{row:04}_{id}`; None: as they are called.
        link: files in a folder are hard links to the videos.
    """

    to: Path
    marks: Path | None = None
    name: str | None = None
    link: bool = False


def export(batch: Batch, options: ExportOptions) -> list[str]:
    """What was written, in lines. Changes nothing of the table and its ledger, and asks nobody.

    Raises:
        BatchError: nothing is kept, a video has not come down, or what stands there is somebody else's.
    """
    if not batch.ledger.exists():
        raise LedgerError(f"{batch.manifest.path} has no ledger yet: nothing was run")
    suffix = options.to.suffix.casefold()
    as_file = suffix in (*SUFFIXES, ".csv") and not options.to.is_dir()
    if as_file:
        _require_ours(options.to, suffix)
        if options.name or options.link:
            raise UsageError(f"--name and --link are for a folder, and --to {options.to} is a file: leave them out")
    elif suffix and not options.to.is_dir():
        raise UsageError(f"--to {options.to}: write .otio, .edl, .fcpxml, .csv, or a folder's name without a suffix")
    with Ledger.read(batch.ledger) as ledger, Ledger.scratch(ledger) as scratch:
        _read_table(batch, scratch)
        kept, left = _kept(scratch, options.marks)
        if not kept:
            raise UsageError("nothing is kept: no row has a video, or none is marked `keep` in the marks")
        clips = _clips(batch, scratch, kept)
        names = [] if as_file else _names(batch, scratch, options.name, kept, clips)
    told = [f"left out: row{'' if len(left) == 1 else 's'} {row_numbers(left)}, without a video"] if left else []
    many = f"{len(clips)} clip{'' if len(clips) == 1 else 's'}"
    if not as_file:
        put = fill_folder(options.to, clips, names, link=options.link)
        return [f"{many} in {options.to} ({put} new), in the order of cut.csv there", *told]
    _require_frames(clips, suffix)
    base = options.to.resolve().parent
    content = cut_list(clips, [_from(base, clip.file) for clip in clips]) if suffix == ".csv" else None
    _write(options.to, timeline(clips, suffix, options.to.stem) if content is None else content)
    lasts = sum(clip.seconds or 0.0 for clip in clips)
    return [f"{many}, {lasts:.1f} s, in {options.to}", *told]


def _read_table(batch: Batch, scratch: Ledger) -> None:
    try:
        match(scratch, batch.manifest.plan(batch.manifest.open()), refuse_foreign=False)
    except TableChanged as error:
        raise ManifestError(f"{error}: try again when that is done") from error
    enrol(scratch, 0.0, new=False)


def _kept(ledger: Ledger, marks: Path | None) -> tuple[list[tuple[TakeRow, Take, str]], list[int]]:
    """Row, take and note of each clip, in the table's order; the numbers of the rows that have no video."""
    if marks:
        clips = marked_clips(ledger, marks, ClipMark.KEEP)
        if lacking := [clip.row for clip in clips if not clip.takes]:
            raise UsageError(f"{shown_names(lacking)}: marked to be kept, and without a video: run the table first")
        found = [(clip.row, clip.looked_at or _shown(clip.takes), clip.mark.note) for clip in clips]
        return sorted(found, key=lambda one: one[0].number), []
    rows = rows_with_takes(ledger)
    takes = takes_of(ledger)
    have = {row.number for row in rows}
    left = [one.number for one in named_rows(ledger) if one.number not in have]
    return [(row, _shown(takes[row.row]), "") for row in rows], left


def _shown(takes: Sequence[Take]) -> Take:
    return next(one for one in takes if one.chosen)


def _clips(batch: Batch, ledger: Ledger, kept: Sequence[tuple[TakeRow, Take, str]]) -> list[Clip]:
    base = batch.manifest.path.resolve().parent
    files = {take.request_id: base / take.path for _, take, _ in kept if take.path}
    missing = [row for row, take, _ in kept if not (file := files.get(take.request_id)) or not file.exists()]
    if missing:
        raise UsageError(
            f"the video of {shown_names(missing)} is not on the disk, and nothing was written: "
            f"`kling-batch download {shlex.join(batch.command)}` brings it"
        )
    prompts = {one.row: _prompt(one) for one in named_rows(ledger)}
    return [_clip(row, take, note, files[take.request_id], prompts) for row, take, note in kept]


def _prompt(row: NamedRow) -> str:
    return str(row.arguments.get("prompt", ""))


def _clip(row: TakeRow, take: Take, note: str, file: Path, prompts: Mapping[int, str]) -> Clip:
    seconds: float | None = None
    frames: int | None = None
    rate: Fraction | None = None
    try:
        with file.open("rb") as opened:
            seconds, found = read_mp4(opened), video_frames(opened)
        if found:
            frames, lasts = found
            rate, seconds = frame_rate(frames, lasts), lasts
    except NotAVideo:  # of a model that makes pictures or sound: a list and a folder hold them all the same
        pass
    except OSError as error:
        raise UsageError(f"{file}: it cannot be read ({error.strerror or error})") from error
    return Clip(
        name=row.id or f"row {row.number}",
        file=file,
        number=row.number,
        id=row.id or "",
        take=take.number,
        request_id=take.request_id,
        prompt=prompts.get(row.row, ""),
        note=note,
        frames=frames,
        rate=rate,
        seconds=seconds,
    )


def _require_frames(clips: Sequence[Clip], suffix: str) -> None:
    if suffix in SUFFIXES and (odd := next((one for one in clips if not one.frames), None)):
        raise UsageError(f"{odd.file} is no video that says how many frames it has: a timeline cannot hold it")


def _names(
    batch: Batch, ledger: Ledger, template: str | None, kept: Sequence[tuple[TakeRow, Take, str]], clips: Sequence[Clip]
) -> list[str]:
    """How the files are to be called in a folder."""
    if template is None:
        return [clip.file.name for clip in clips]
    if wrong := plan_video_names(batch.manifest, ledger, template):
        raise UsageError(wrong[0])
    planned = planned_names(ledger)
    named = [(planned[row.row], take) for row, take, _ in kept]
    return [
        Path(finished(name, take.request_id, take.number if "{take}" in template else 1))
        .with_suffix(clip.file.suffix)
        .name
        for (name, take), clip in zip(named, clips, strict=True)
    ]


def _from(base: Path, file: Path) -> str:
    try:
        return file.relative_to(base).as_posix()
    except ValueError:
        return str(file)


def _require_ours(target: Path, suffix: str) -> None:
    """Raises UsageError where something else stands there than an export wrote."""
    if not target.exists():
        if not target.resolve().parent.is_dir():
            raise UsageError(f"--to {target}: there is no folder {target.resolve().parent}: make it first")
        return
    content = target.read_bytes()
    begins, ends = content[:LOOKED_AT], content[-LOOKED_AT:]
    if not (is_cut_list(begins) if suffix == ".csv" else MADE_BY.encode() in begins + ends):
        raise UsageError(f"{target} exists and was not written by an export: name another file, or move it away")


def _write(target: Path, content: bytes) -> None:
    try:
        with replacing(target, lambda: None) as file:
            file.write(content)
    except TargetLocked as error:
        raise UsageError(f"--to {target}: {error}") from error
