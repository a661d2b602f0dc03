"""What a save of a Parquet table costs, against an earlier commit: the two in turn, seconds and peak memory.

    python -m tests.benchmarks.parquet_save [ROWS [COMMIT [TIMES]]]    without any: 1,000,000 rows, the commit before, 3

The table has a prompt of 200 characters, two images, a duration and an id, in one row group, as pyarrow and pandas
write up to 1,048,576 rows; every row has succeeded. The first save finds no columns of ours, the second replaces them.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
GROUP = 1 << 20

SAVE = """
import resource, sys, time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from batch.manifest.loader import Manifest
from batch.table import open_table
from jobs.kling import KLING_2_1_PRO as JOB

path, count = Path(sys.argv[1]), int(sys.argv[2])
columns = Manifest(path=path, job=JOB, prices=JOB.prices).result_columns
at, cost = datetime(2026, 1, 2, tzinfo=UTC), Decimal("0.49")

def rows():
    for n in range(count):
        name = f"{n:08x}-0000-4000-8000-00000000{int(sys.argv[3]):04x}"
        video = f"https://v3.fal.media/files/panda/{name}_output.mp4"
        told = ("succeeded", video, None, None, name, 1, cost, at, at)
        yield told + (None,) * (len(columns) - len(told))  # a version before has fewer of them

began = time.perf_counter()
open_table(path).write(path, columns, rows())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024)
print(time.perf_counter() - began, peak)
"""


def main() -> None:
    """Prints the medians."""
    rows, commit, times = (*sys.argv[1:], *("1000000", "HEAD~1", "3")[len(sys.argv) - 1 :])
    with tempfile.TemporaryDirectory() as folder:
        before, table = Path(folder, "before"), Path(folder, "table.parquet")
        _git("worktree", "add", "--detach", str(before), commit)
        try:
            _make(table, int(rows))
            found = _in_turn({commit: before, "now": ROOT}, table, int(rows), int(times))
        finally:
            _git("worktree", "remove", "--force", str(before))
    for (name, which), measured in found.items():
        seconds, peak = (statistics.median(values) for values in zip(*measured, strict=True))
        print(f"{name}, {which} save: {seconds:.1f} s, {peak:.0f} MB")


def _in_turn(
    trees: dict[str, Path], table: Path, rows: int, times: int
) -> dict[tuple[str, str], list[tuple[float, float]]]:
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    work = table.with_name("saved.parquet")
    for _ in range(times):
        for name, tree in trees.items():
            shutil.copyfile(table, work)  # not through memory: a child's peak begins with that of its parent
            for number, which in enumerate(("first", "second")):
                command = [sys.executable, "-c", SAVE, str(work), str(rows), str(number)]
                child = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, check=True)
                seconds, peak = map(float, child.stdout.split())
                found.setdefault((name, which), []).append((seconds, peak))
    return found


MAKE = """
import random, sys
import pyarrow as pa
import pyarrow.parquet as pq

chance, rows, group = random.Random(0), int(sys.argv[2]), int(sys.argv[3])
words = "a slow pan across the misty harbour at dawn while gulls circle over red".split()
writer = None
for start in range(0, rows, group):
    numbers = range(start, min(start + group, rows))
    table = pa.table({
        "prompt": [f"shot {n} {' '.join(chance.choices(words, k=40))}"[:200] for n in numbers],
        "image": [f"https://example.com/shots/{n:07}.png" for n in numbers],
        "tail_image": [f"https://example.com/tails/{n:07}.png" for n in numbers],
        "duration": [5 + n % 2 * 5 for n in numbers],
        "id": [f"s{n}" for n in numbers],
    })
    writer = writer or pq.ParquetWriter(sys.argv[1], table.schema)
    writer.write_table(table)
writer.close()
"""


def _make(table: Path, rows: int) -> None:
    # In a child: one that is forked from a large process counts that one's memory as its own peak.
    subprocess.run([sys.executable, "-c", MAKE, str(table), str(rows), str(GROUP)], check=True)


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True)


if __name__ == "__main__":
    main()
