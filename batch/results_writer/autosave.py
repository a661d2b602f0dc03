"""Saves the table while a run is on, and at its end."""

from collections.abc import Callable
from pathlib import Path

import anyio
from anyio import current_time

from batch.errors import LedgerError, ManifestError
from batch.ledger.ledger import Ledger
from batch.results_writer.writer import ResultsWriter, Saved

SAVE_SECONDS = 30.0
SAVE_SHARE = 0.02
"""Saving takes no more than this share of the time, however large the table is."""
ROW_SECONDS = 20e-6
"""What a row adds to the first save, about: see tests/benchmarks."""


class Autosave:
    """Saves the table every so often while something changes, and at the end."""

    def __init__(self, results: ResultsWriter, say: Callable[[str], None]) -> None:
        self._writer = results
        self.say = say
        self._trouble: str | None = None
        self._beside: Path | None = None

    async def keep(self, state: Callable[[], object], rows: int) -> None:
        """Until cancelled; a save that has begun is finished.

        Args:
            state: while it stays the same there is nothing new to save.
            rows: of the table, for how long the first save will take.
        """
        pause, seen = max(SAVE_SECONDS, rows * ROW_SECONDS / SAVE_SHARE), None
        while True:
            await anyio.sleep(pause)
            if (now := state()) == seen:
                continue
            seen, began = now, current_time()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self.last)
            pause = max(SAVE_SECONDS, (current_time() - began) / SAVE_SHARE)

    def first(self) -> None:
        """The save before anything is bought: it is read back, so that nothing is bought that cannot be written.

        Raises:
            ManifestError: it cannot, neither into the table nor beside it.
        """
        self._tell(self._writer.save(proof=True))

    def finish(self, ledger: Ledger) -> Saved:
        """The last save of a run, noted down so that the next one need not read the table again."""
        saved = self.last()
        self._writer.save_snapshot(ledger)
        return saved

    def last(self) -> Saved:
        """One save. Where it cannot be made that is said once, and is no reason to end a night."""
        try:
            saved = self._writer.save()
        except ManifestError as error:
            saved = Saved(None, str(error))
        except LedgerError as error:  # its own words are for a run that begins: here money may be spent
            why = f"the table cannot be written now, for the ledger cannot be read ({error.__cause__ or error})"
            saved = Saved(None, f"{why}. Nothing is lost: `kling-batch run` writes it later")
        self._tell(saved)
        return saved

    def _tell(self, saved: Saved) -> None:
        if saved.trouble and saved.trouble != self._trouble:
            self.say(saved.trouble + (f": the results are in {saved.path}" if saved.path else ""))
        if self._trouble and not saved.trouble:
            beside = f", and {self._beside} is not needed" if self._beside else ""
            self.say(f"{saved.path} can be written again: the results are in it{beside}")
        self._trouble, self._beside = saved.trouble, saved.path if saved.trouble else None
