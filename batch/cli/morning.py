"""The commands for the morning after: `report`, and what a run leaves behind to be looked at."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batch.cli.command import SettledCommand
from batch.cli.model_commands import open_table
from batch.cli.option_types import PATH
from batch.cli.options import SANDBOX
from batch.cli.output import print_text, say
from batch.core.plain_text import one_line

if TYPE_CHECKING:
    from batch.commands.batch import Batch
    from batch.commands.report import WrittenReport
    from batch.reports.outcome import Outcome


@click.command(cls=SettledCommand)
@click.argument("manifest", type=PATH)
@SANDBOX
@click.option("--to", "page", type=PATH, metavar="FILE", help="The page, if it is not to be shots.report.html.")
def report(manifest: Path, sandbox: bool, page: Path | None) -> None:
    """Write one page with every shot, to look at and to choose from: shots.report.html, also while a run is on."""
    from batch.commands.report import write_report

    written = write_report(open_table(manifest, model=None, sandbox=sandbox), lambda line: say(one_line(line)), to=page)
    print_text(one_line(str(written.path)))


def report_after(
    batch: "Batch", outcome: "Outcome", tell: Callable[[str], None], *, wanted: bool
) -> "WrittenReport | None":
    """The report of a run that has ended, where one is wanted; where it could not be written, that is said."""
    if not wanted:
        return None
    from batch.commands.report import report_of_run

    written = report_of_run(batch, outcome, tell)
    if written:
        tell(f"report: {written.path}")
    return written
