"""Remembers in the ledger how its table is read and where results go, for every later command."""

import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

from batch.core.paths import ledger_path, places
from batch.core.table_options import TableOptions, read_options
from batch.errors import LedgerError, UsageError
from batch.ledger.ledger import Ledger

_OPTIONS = "table_options"
_TABLE = "options_of"
"""Whose options they are: a copy of a table, ledger and all, must not write where the original's results stand."""
_RESULTS = "results_in"
_RUN = "run_options"
_WORD = re.compile(r"--(concurrency|max-[a-z-]+|limit|stop-after|until)|[0-9][0-9a-z.:/]{0,30}")

TABLES = frozenset({".csv", ".tsv", ".tab", ".txt", ".parquet", ".pq", ".xlsx", ".xlsm"})
"""How a file ends that a ledger may name for results outside of its table's own folder."""


def remembered(manifest: Path, *, sandbox: bool, output_said: bool = False) -> TableOptions:
    """What the ledger of a table remembers; nothing where there is none, or none that can be read.

    A rehearsal of which nothing was said yet is read as the table itself, with its results where a rehearsal has them.

    Args:
        output_said: where the results are to go is said now.

    Raises:
        LedgerError: what it remembers cannot be meant.
        UsageError: it names a file for results that may be anything.
    """
    ledger, _ = places(manifest, sandbox=sandbox)
    note = _read(ledger, _OPTIONS)
    if sandbox and not note:
        return replace(_meant(_read(ledger_path(manifest), _OPTIONS), ledger, manifest), output=None)
    found = _meant(note, ledger, manifest)
    if output_said or not found.output:
        return replace(found, output=None)
    return replace(found, output=_output(found.output, manifest, ledger))


def remember(ledger: Ledger, manifest: Path, options: TableOptions) -> None:
    """Keeps the options that a command was carried out with."""
    output = _from_folder(Path(options.output), manifest) if options.output else None
    model = _from_folder(Path(options.model), manifest) if _is_file(options.model) else options.model
    note = replace(options, model=model, output=output, prefix=options.prefix or None).note
    if note != (ledger.meta(_OPTIONS) or TableOptions().note):
        ledger.set_meta(_OPTIONS, note)
    if output and str(manifest.resolve()) != ledger.meta(_TABLE):
        ledger.set_meta(_TABLE, str(manifest.resolve()))


def note_results(ledger: Ledger, table: Path, written: Path | None) -> None:
    """Keeps where the results were written last, where that is not their own table."""
    elsewhere = os.path.realpath(written) if written and written != table else ""
    if elsewhere != (ledger.meta(_RESULTS) or ""):
        ledger.set_meta(_RESULTS, elsewhere)


def note_run(ledger: Ledger, kept: Sequence[str]) -> None:
    """Keeps the options of the last run, for commands that say how to go on; no run takes them by itself."""
    if (note := json.dumps([*kept])) != ledger.meta(_RUN):
        ledger.set_meta(_RUN, note)


def last_run(ledger: Path) -> list[str]:
    """The options of the last run, as arguments: whoever goes on as it is told to has the same caps."""
    try:
        kept = json.loads(_read(ledger, _RUN) or "[]")
    except ValueError:
        return []
    # A ledger may come from anywhere: only plain options are shown for somebody to type.
    plain = isinstance(kept, list) and all(isinstance(word, str) and _WORD.fullmatch(word) for word in kept)
    return kept if plain else []


def results_file(ledger: Path, table: Path) -> Path:
    """The file that holds the results: the table, or the one beside it while that could not be written."""
    elsewhere = Path(_read(ledger, _RESULTS) or table)
    beside = elsewhere.parent == Path(os.path.realpath(table)).parent
    return table.with_name(elsewhere.name) if beside and elsewhere.exists() else table


def _read(ledger: Path, name: str) -> str | None:
    """Whoever works with a ledger that cannot be read says so."""
    with suppress(LedgerError, OSError):
        if ledger.exists():
            with Ledger.read(ledger) as opened:
                return opened.meta(name)
    return None


def _meant(note: str | None, ledger: Path, manifest: Path) -> TableOptions:
    try:
        found = read_options(note) if note else TableOptions()
        return replace(found, model=str(_folder(manifest) / found.model)) if _is_file(found.model) else found
    except ValueError as error:
        raise LedgerError(
            f"what {ledger} remembers of how its table is read cannot be meant: say it anew, with --forget-options"
        ) from error


def _is_file(model: str | None) -> TypeGuard[str]:
    return model is not None and model.endswith(".json")


def _folder(manifest: Path) -> Path:
    """Of the table itself, as it is written from here."""
    real = manifest.resolve().parent
    return manifest.parent if manifest.parent.resolve() == real else real


def _from_folder(output: Path, manifest: Path) -> str:
    """A folder that is moved takes its results along."""
    path, folder = Path(os.path.realpath(output)), manifest.resolve().parent
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _output(text: str, manifest: Path, ledger: Path) -> str:
    """The file for results, as it is written from here; one that is not of this very table is asked about.

    Raises:
        UsageError: the table was moved or copied since, or a ledger from anywhere says a file into being that is none.
    """
    real = manifest.resolve().parent
    path = _folder(manifest) / text
    noted, inside = Path(_read(ledger, _TABLE) or ""), Path(os.path.realpath(path)).is_relative_to(real)
    of_another = noted.name != manifest.resolve().name if inside else noted != manifest.resolve()
    if of_another or not (inside or path.exists() or path.suffix.lower() in TABLES):
        raise UsageError(
            f"{ledger} names {path} for the results, "
            + ("which are those of another table, or of where this one stood before" if of_another else "which is none")
            + ": say where they are to go with --output"
        )
    return str(path)
