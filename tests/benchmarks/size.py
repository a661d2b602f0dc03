"""What a long table costs: seconds, peak memory and bytes of ledger a row, from a thousand rows to a million.

    python -m tests.benchmarks.size [ROWS ...]     without any: all sizes, about 15 minutes; rewrites their section of
                                                   README.md and the plot

Each step is a process of its own: `check`, the first enrolment, the write of every result into the table, resuming
after that, and `status`. Between enrolment and write every row is brought home by SQL, through the states' own edges.
"""

import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import report
from tests.benchmarks.figure import SCALING, scaling

ROOT = Path(__file__).parents[2]
ROWS = (1_000, 10_000, 100_000, 1_000_000)
KINDS = {"id.csv": "CSV with ids", "no_id.csv": "CSV without", "id.parquet": "Parquet"}
STEPS = ("check", "enrol", "write", "resume", "status")
HEADER = ["", "rows", *STEPS, "ledger a row"]
WORDS = (
    "a",
    "slow",
    "pan",
    "across",
    "the",
    "misty",
    "harbour",
    "at",
    "dawn",
    "while",
    "gulls",
    "circle",
    "over",
    "red",
)

STEP = """
import resource, sys, time
from tests.benchmarks import size
began = time.perf_counter()
size.step(sys.argv[1], sys.argv[2])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024)
print(time.perf_counter() - began, peak)
"""

MAKE = "import pathlib, sys; from tests.benchmarks import size; size.make(pathlib.Path(sys.argv[1]), int(sys.argv[2]))"

HOME = """
INSERT INTO route VALUES (1, 'https://queue.fal.run/fal-ai/kling-video/requests/{id}/status',
    'https://queue.fal.run/fal-ai/kling-video/requests/{id}',
    'https://queue.fal.run/fal-ai/kling-video/requests/{id}/cancel');
UPDATE row SET state = 'submitting', intent_at = 1.8e9 + id, attempts = 1, tries = 1, changed_at = 1.8e9 + id;
UPDATE row SET state = 'submitted', submitted_at = intent_at, changed_at = intent_at,
    request_id = lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4000-8000-') || printf('%012x', id);
INSERT INTO request SELECT request_id, id, 1 FROM row;
UPDATE row SET state = 'succeeded', spent = price, finished_at = submitted_at + 300, changed_at = submitted_at + 300,
    video_url = 'https://v3.fal.media/files/panda/' || substr(request_id, 1, 21) || '_output.mp4',
    result = '{"video":{"url":"https://v3.fal.media/files/panda/' || substr(request_id, 1, 21) || '_output.mp4",' ||
        '"content_type":"video/mp4","file_name":"output.mp4","file_size":9123456}}';
"""


@dataclass(frozen=True, slots=True)
class Sized:
    """What one table took."""

    name: str
    rows: int
    seconds: Mapping[str, float]
    """By step."""
    peak: Mapping[str, float]
    """Megabytes, by step."""
    ledger: float
    """Bytes a row."""

    def cells(self) -> list[str]:
        steps = [f"{self.seconds[step]:.1f} s, {self.peak[step]:.0f} MB" for step in STEPS]
        return [self.name, f"{self.rows:,}", *steps, f"{self.ledger:.0f} B"]


def main() -> None:
    """Prints the table; that of all sizes is written into the README, with a plot."""
    asked = [int(given) for given in sys.argv[1:]]
    rows = [HEADER, ["---", *("---:" for _ in HEADER[1:])]]
    print(*map(report.markdown_row, rows), sep="\n", flush=True)
    found = []
    for name in KINDS:
        for count in asked or ROWS:
            with tempfile.TemporaryDirectory() as folder:
                found.append(_measure(Path(folder) / name, count))
            rows.append(found[-1].cells())
            print(report.markdown_row(rows[-1]), flush=True)
    if not asked:
        scaling(found)  # last: it makes this process large
        parts = [report.machine(), "\n".join(map(report.markdown_row, rows))]
        report.write("\n\n".join([*parts, f"![Seconds and memory by rows]({SCALING.name})"]), "sizes")


def _measure(path: Path, rows: int) -> Sized:
    # Also this one: a child that is forked from a large process counts that one's memory as its own peak.
    subprocess.run([sys.executable, "-c", MAKE, str(path), str(rows)], cwd=ROOT, check=True)
    seconds, peak = {}, {}
    for step in STEPS:
        if step == "write":
            _in_child("home", path)
        seconds[step], peak[step] = _in_child(step, path)
    ledger = path.with_name(path.name + ".ledger").stat().st_size / rows
    return Sized(KINDS[path.name], rows, seconds, peak, ledger)


def _in_child(name: str, path: Path) -> tuple[float, float]:
    child = subprocess.run([sys.executable, "-c", STEP, name, str(path)], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    seconds, peak = child.stdout.split()[-2:]
    return float(seconds), float(peak)


def make(path: Path, rows: int) -> None:
    """A table of shots: an id or none, a prompt of about 200 characters, an image's URL, a note."""
    chance = random.Random(0)
    named = not path.name.startswith("no_id")
    table = path.with_suffix(".csv")
    with table.open("w") as file:
        file.write(("id," if named else "") + "prompt,image,notes\n")
        for n in range(rows):
            prompt = f"shot {n} {' '.join(chance.choices(WORDS, k=35))}"
            file.write((f"s{n}," if named else "") + f"{prompt},https://example.com/shots/{n:07}.png,take {n % 7}\n")
    if path != table:
        from pyarrow import csv, parquet

        parquet.write_table(csv.read_csv(table), path)


def step(name: str, path: str) -> None:
    """One step, in the child that is measured."""
    from batch.api import open_batch
    from batch.ledger.summary import read_summary

    batch = open_batch(path)
    match name:
        case "check":
            from batch.commands.check import check

            check(batch)
        case "enrol":
            _enrol(path)
        case "home":
            _bring_home(batch.ledger)
        case "write" | "resume":
            _resume(path)
        case "status":
            read_summary(batch.ledger, batch.manifest.path)


class _EnoughError(Exception):
    """The rows are enrolled, and about to be submitted."""


def _enrol(path: str) -> None:
    """A run up to its first submit."""
    import anyio

    from batch.api import open_batch
    from batch.commands.run import Surroundings, run
    from batch.core.run_options import RunOptions

    def connect(_: object) -> None:
        raise _EnoughError

    try:
        around = Surroundings(connect=connect, show_progress=False)  # type: ignore[arg-type]  # it opens nothing
        anyio.run(run, open_batch(path), RunOptions(), lambda _: None, None, around)
    except _EnoughError:
        return
    raise AssertionError("nothing was to be submitted")


def _bring_home(path: Path) -> None:
    from batch.ledger.ledger import Ledger

    with Ledger.open(path) as ledger, ledger.transaction():
        for statement in filter(str.strip, HOME.split(";")):
            ledger.db.execute(statement)


def _resume(path: str) -> None:
    """A run with nothing to submit: the first time it writes every result."""
    import batch

    outcome = batch.run(path)
    if outcome.exit_code:
        raise AssertionError(outcome.text())


if __name__ == "__main__":
    main()
