"""What the page of a report costs: seconds to make it, first and again, and to open, filter and turn it in Chromium.

    python -m tests.benchmarks.page_opening [ROWS …]    without any: 100, 1,000 and 10,000 rows

Every row has a picture and two in three a video that is on the web; six pictures are shared by all rows.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch.commands.report import write_report
from tests.support.browsers import chromium, page_in
from tests.support.mornings import a_morning

TIMES = 3


@dataclass(frozen=True)
class Opened:
    """Seconds, but for `size`, in bytes, and what the browser's console said."""

    rows: int
    first: float
    again: float
    size: int
    opened: float
    found: float
    turned: float
    said: Sequence[str]


def measure(rows: int, times: int = TIMES) -> Opened:
    """The medians of so many openings, each in a window without memory."""
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        given = a_morning(Path(name), rows)
        first, path = _timed(lambda: write_report(given, lambda _: None).path)
        again, _ = _timed(lambda: write_report(given, lambda _: None))
        seen = [_opened(browser, path) for _ in range(times)]
        opened, found, turned = (statistics.median(one[n] for one in seen) for n in range(3))
        said = [line for *_, lines in seen for line in lines]
        return Opened(rows, first, again, path.stat().st_size, opened, found, turned, said)


def _timed(call: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def _opened(browser: Any, path: Path) -> tuple[float, float, float, list[str]]:
    with page_in(browser) as seen:
        began = time.perf_counter()
        seen.open(path)
        seen.page.wait_for_selector(".card")
        opened = time.perf_counter() - began
        found = _shown(seen.page, "find", "light 7")
        turned = _shown(seen.page, "find", "")
        return opened, found, turned, list(seen.said)


def _shown(page: Any, field: str, value: str) -> float:
    """Seconds from a word in a field until what it asks for is laid out."""
    told = page.evaluate(
        "([id, value]) => { const began = performance.now(), field = document.getElementById(id); field.value = value; "
        "field.dispatchEvent(new Event('input', { bubbles: true })); document.body.getBoundingClientRect(); "
        "return performance.now() - began; }",
        [field, value],
    )
    return float(told) / 1000


def main() -> None:
    print("| rows | made, first | made again | size | opened | found | all shown again | console |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    for rows in map(int, sys.argv[1:] or ("100", "1000", "10000")):
        one = measure(rows)
        print(
            f"| {one.rows:,} | {one.first:.2f} s | {one.again:.2f} s | {one.size / 1e6:.2f} MB | {one.opened:.2f} s "
            f"| {one.found * 1000:.0f} ms | {one.turned * 1000:.0f} ms | {'; '.join(one.said) or 'nothing'} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
