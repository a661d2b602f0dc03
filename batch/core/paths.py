"""Tells where the files of a batch stand."""

import shlex
from pathlib import Path


def ledger_path(table: Path) -> Path:
    """The ledger of a table: beside the file itself, not beside a link to it."""
    real = table.resolve()
    return real.with_name(real.name + ".ledger")


def table_of(ledger: Path) -> Path:
    """The table that a ledger stands beside, also that of a sandbox, and of a ledger that is being made again."""
    if ledger.parent.suffix == ".sandbox":
        return ledger.parent.with_suffix("")
    return ledger.with_name(ledger.name.removesuffix(".draft").removesuffix(".ledger"))


def recovery(ledger: Path | None) -> str:
    """What to type where a ledger is lost, and what it does; None: one that has no file."""
    table = shlex.quote(str(table_of(ledger))) if ledger else "TABLE"
    return f"`kling-batch recover {table}` makes a ledger of the table and fal's records, and pays nothing"


def sandbox_home(manifest: Path) -> Path:
    """The folder of a manifest's own sandbox: its ledger, its requests, its videos."""
    real = manifest.resolve()
    return real.with_name(real.name + ".sandbox")


def video_folder(table: Path) -> Path:
    """Where the videos of a table go, unless another folder is said."""
    return table.with_name(f"{table.name}.videos")


def results_path(table: Path) -> Path:
    """Where results go while the table itself cannot be written."""
    return table.with_name(f"{table.stem}.results{table.suffix}")


def report_path(table: Path, *, sandbox: bool) -> Path:
    """The page of a table's report: beside the table itself, as its ledger is."""
    real = table.resolve()
    return real.with_name(f"{real.stem}{'.sandbox' if sandbox else ''}.report.html")


def report_folder(page: Path) -> Path:
    """Where the small pictures of a report stand."""
    return page.with_suffix("") if page.suffix.lower() in (".html", ".htm") else page.with_name(f"{page.name}.files")


def log_path(table: Path) -> Path:
    """Where the words of nights by cron go: beside the table itself, as its ledger is."""
    real = table.resolve()
    return real.with_name(real.name + ".log")


def places(manifest: Path, *, sandbox: bool, output: Path | None = None) -> tuple[Path, Path]:
    """The ledger of a manifest, and the table that its results go to."""
    if not sandbox:
        return ledger_path(manifest), output or manifest
    # A table without a suffix gets one: its sandbox's folder has the plain name already.
    results = manifest.with_name(f"{manifest.stem}.sandbox{manifest.suffix or '.csv'}")
    return sandbox_home(manifest) / "ledger", output or results
