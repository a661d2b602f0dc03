"""What saves of an Excel workbook cost: seconds, CPU and peak memory of the first one, and of a later one.

    python -m tests.benchmarks.workbook_save [ROWS [TIMES]]    without any: 50,000 rows, 3 times

The workbook has ten columns (a prompt of 200 characters, two images, a duration, an id, notes of the user's) and nine
of ours; every row has succeeded, with a link to its video. The first save finds no columns of ours and is read back
before it counts, as a run does; the later one replaces all that we wrote.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

SAVE = """
import resource, sys, time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from batch.manifest.loader import Manifest
from batch.table import open_table
from jobs.kling import KLING_2_1_PRO as JOB

path, count = Path(sys.argv[1]), int(sys.argv[2])
columns = Manifest(path=path, job=JOB, prices=JOB.prices).result_columns
start, cost = datetime(2026, 1, 2, tzinfo=UTC), Decimal("0.49")

def rows():
    for n in range(count):
        name = f"{n:08x}-0000-4000-8000-00000000{int(sys.argv[3]):04x}"
        video, at = f"https://v3.fal.media/files/panda/{name}_output.mp4", start + timedelta(seconds=n)
        of = dict(status="succeeded", video_url=video, request_id=name, attempts=1, cost_usd=cost,
                  submitted_at=at, finished_at=at)
        yield tuple(of.get(column.name) for column in columns)

began, cpu = time.perf_counter(), time.process_time()
open_table(path).write(path, columns, rows(), rows() if sys.argv[3] == "0" else None)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024)
print(time.perf_counter() - began, time.process_time() - cpu, peak)
"""

MAKE = """
import random, sys
import xlsxwriter

chance, rows = random.Random(0), int(sys.argv[2])
words = "a slow pan across the misty harbour at dawn while gulls circle over red".split()
workbook = xlsxwriter.Workbook(sys.argv[1])
sheet = workbook.add_worksheet("Shots")
sheet.write_row(0, 0, ["prompt", "image", "tail_image", "duration", "id", "scene", "take", "light", "lens", "done"])
for n in range(rows):
    prompt = f"shot {n} {' '.join(chance.choices(words, k=40))}"[:200]
    row = [prompt, f"boards/{n:07}.png", f"tails/{n:07}.png", 5 + n % 2 * 5, f"s{n}", n // 20, n % 20, "dusk", 35, True]
    sheet.write_row(n + 1, 0, row)
sheet.autofilter(0, 0, rows, 9)
workbook.close()
"""


def main() -> None:
    """Prints the medians."""
    rows, times = (*sys.argv[1:], *("50000", "3")[len(sys.argv) - 1 :])
    found: dict[str, list[tuple[float, ...]]] = {"first": [], "later": []}
    with tempfile.TemporaryDirectory() as folder:
        table, work = Path(folder, "table.xlsx"), Path(folder, "saved.xlsx")
        # In children: one that is forked from a large process counts that one's memory as its own peak.
        subprocess.run([sys.executable, "-c", MAKE, str(table), rows], check=True)
        for _ in range(int(times)):
            shutil.copyfile(table, work)
            for number, which in enumerate(found):
                command = [sys.executable, "-c", SAVE, str(work), rows, str(number)]
                child = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
                found[which].append(tuple(map(float, child.stdout.split())))
    for which, measured in found.items():
        seconds, cpu, peak = (statistics.median(values) for values in zip(*measured, strict=True))
        print(f"{which} save: {seconds:.1f} s ({cpu:.1f} s CPU), {peak:.0f} MB")


if __name__ == "__main__":
    main()
