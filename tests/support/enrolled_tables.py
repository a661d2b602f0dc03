"""A table of shots on disk and its ledger, read and saved as a run does it."""

from pathlib import Path

from batch.commands.manifest_reading import enrol_table
from batch.core import states
from batch.core.gateway import Receipt
from batch.ledger.ledger import Ledger
from batch.ledger.snapshot import ManifestSnapshot, load_snapshot
from batch.manifest.loader import Manifest
from batch.results_writer.writer import ResultsWriter
from jobs.kling import KLING_2_1_PRO as JOB


class EnrolledTable:
    """A table of shots and its ledger, read as a run reads them."""

    def __init__(self, folder: Path, rows: int, image: str = "https://x.y/1.png") -> None:
        self.path = folder / "shots.csv"
        self.path.write_text("id,prompt,image\n" + "".join(f"s{n},shot {n},{image}\n" for n in range(rows)))
        self.manifest = Manifest(path=self.path, job=JOB, prices=JOB.prices)
        self.at = folder / "shots.csv.ledger"
        self.ledger = Ledger.open(self.at)

    def read(self, *, anew: bool = False) -> None:
        enrol_table(self.manifest, self.ledger, self.manifest.open(), 1.0, anew=anew)

    def known(self, manifest: Manifest | None = None) -> ManifestSnapshot | None:
        """The reading that stands for the table as it is now."""
        manifest = manifest or self.manifest
        reading = load_snapshot(self.ledger, manifest.settings)
        return reading if reading and reading.digest == manifest.open().digest() else None

    def submit(self, row: int) -> None:
        self.ledger.apply(row, states.claimed(1e9, None, 1))
        self.ledger.apply(row, states.accepted(1e9, Receipt(f"r{row}", "https://s", "https://r", "https://c")))

    def succeed(self, row: int) -> None:
        self.submit(row)
        self.ledger.apply(row, states.succeeded(1e9 + 60, "{}", f"https://v/{row}", 1))

    def save(self) -> None:
        """The save at the end of a run."""
        results = ResultsWriter(self.manifest, self.at)
        results.save()
        results.save_snapshot(self.ledger)
