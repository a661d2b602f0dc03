"""`report`: writes one HTML page with every shot beside the table. Reads the ledger only."""

import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from batch.commands.batch import Batch
from batch.commands.messages import Say
from batch.commands.status import status
from batch.core.paths import report_folder, report_path
from batch.errors import BatchError, LedgerError, UsageError
from batch.reports.outcome import Outcome

if TYPE_CHECKING:
    from batch.report_page.page import Page


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """A report that stands on the disk."""

    path: Path
    page: "Page"

    def attachment(self) -> tuple[str, str]:
        """Its name and its text for a message: without what only this disk has."""
        from batch.report_page.page import without_files
        from batch.report_page.rendering import render

        return self.path.name, render(without_files(self.page))


def write_report(batch: Batch, say: Say, *, to: Path | None = None, outcome: Outcome | None = None) -> WrittenReport:
    """Writes the report, also while a run is at work.

    Args:
        to: the page, if it is not to be `shots.report.html` beside the table.
        outcome: of a run that has just ended; by default how the batch stands.

    Raises:
        LedgerError: there is no ledger, or it cannot be used.
        UsageError: what stands there is not ours, or the page cannot be written.
    """
    from batch.report_page.gathering import Source, gather
    from batch.report_page.page_file import require_ours, write_page
    from batch.report_page.previous_report import keep_telling, read_telling
    from batch.report_page.rendering import render
    from batch.report_page.thumbnails import Thumbnails

    table = batch.manifest.path.resolve()
    page_file = (to or report_path(table, sandbox=batch.sandbox)).absolute()
    like = table if table.exists() else batch.ledger
    told = outcome or status(batch.manifest.path, sandbox=batch.sandbox)
    if not batch.ledger.exists():
        raise LedgerError(f"{batch.manifest.path} has no ledger yet: nothing was run, and there is nothing to report")
    require_ours(page_file, table)
    folder = report_folder(page_file)
    try:
        page, telling = gather(
            Source(
                ledger=batch.ledger,
                table=table,
                page=page_file,
                manifest=batch.manifest,
                outcome=told,
                sandbox=batch.sandbox,
                version=_version(),
                now=told.now or time.time(),
                before=read_telling(folder),
                thumbnails=Thumbnails(folder, like),
                say=say,
            )
        )
        write_page(page_file, render(page), table, like)
        keep_telling(folder, telling, like)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror or error})") from error
    return WrittenReport(page_file, page)


def report_of_run(batch: Batch, outcome: Outcome, say: Say) -> WrittenReport | None:
    """The report at the end of a run: where it cannot be written that is said, and the run ended as it did."""
    try:
        return write_report(batch, say, outcome=outcome)
    except BatchError as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001 - a page that cannot be made, for whatever reason, changes no night
        why = f"{type(error).__name__}: {error}"
    say(f"the report could not be written: {why}")
    return None


def _version() -> str:
    try:
        return version("kling-batch")
    except PackageNotFoundError:  # run from a clone that was never installed
        return ""
