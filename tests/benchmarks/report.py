"""The figures as Markdown, and the section of the README that holds them."""

import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

from tests.benchmarks.clients import NODE
from tests.benchmarks.measure import ROOT, Case, Measured

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- {}: written by the command above -->", "<!-- end of the {} -->"
PACKAGES = ("kling-batch", "fal-client", "httpx", "aiohttp", "anyio")


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of a run."""

    title: str
    of: Callable[[Measured], float]
    form: str


COLUMNS = (
    Column("makespan ÷ ideal", lambda run: run.makespan, "{:.2f}"),
    Column("requests a row", lambda run: run.requests, "{:.1f}"),
    Column("CPU a row, ms", lambda run: run.cpu_a_row, "{:.1f}"),
    Column("lag p50, s", lambda run: run.lag, "{:.2f}"),
    Column("lag p90, s", lambda run: run.late, "{:.2f}"),
    Column("peak memory, MB", lambda run: run.peak_megabytes, "{:.0f}"),
    Column("service's share of a core", lambda run: run.service_share, "{:.2f}"),
)

Runs = Mapping[str, Sequence[Measured]]
"""By the name of the client."""


def table(case: Case, runs: Runs) -> str:
    """Medians, with the least and the greatest where there were several runs."""
    some = next(iter(runs.values()))
    ideal = median(run.ideal for run in some)
    head = f"**{case}** (ideal {ideal:.1f} s)"
    rows = [markdown_row(["", "runs", *(column.title for column in COLUMNS)])]
    rows.append(markdown_row(["---", *("---:" for _ in range(len(COLUMNS) + 1))]))
    for name, measured in runs.items():
        figures = [_figure(column, measured) for column in COLUMNS]
        rows.append(markdown_row([name, str(len(measured)), *figures]))
    return "\n".join([head, "", *rows, *_faults(runs)])


def markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(column: Column, runs: Sequence[Measured]) -> str:
    figures = [column.of(run) for run in runs]
    middle, least, most = (column.form.format(value) for value in (median(figures), min(figures), max(figures)))
    return middle if least == most else f"{middle} ({least}–{most})"


def _faults(runs: Runs) -> list[str]:
    found = [f"{name}: {', '.join(faults)}" for name, some in runs.items() for run in some if (faults := run.faults())]
    return ["", *found] if found else []


def machine() -> str:
    """What this was measured on."""
    load = f"; load when it began {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    versions = [f"{name} {found}" for name in PACKAGES if (found := _version(name))]
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, commit {_said('git', 'rev-parse', '--short', 'HEAD') or '?'}",
        f"{os.cpu_count()} cores, {_processor()}, {platform.system()} {platform.release()}{load}",
        f"Python {platform.python_version()}, {', '.join(versions)}",
    ]
    if node := _said("node", "--version"):
        lines.append(f"Node.js {node}, {', '.join(_node_packages())}")
    return "\n".join(f"- {line}" for line in lines)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", info.read_text()) if info.exists() else None
    return found[1] if found else platform.processor() or "?"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _node_packages() -> list[str]:
    text = (NODE / "package.json").read_text()
    return [f"{name} {number}" for name, number in re.findall(r'"(\S+)": "(\d[\d.]*)"', text)]


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False).stdout.strip()
    except FileNotFoundError:
        return ""


def write(results: str, section: str, readme: Path = README) -> None:
    """Puts results into the README, between the two markers of their section."""
    begin, end = BEGIN.format(section), END.format(section)
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    readme.write_text(f"{before}{begin}\n\n{results.strip()}\n\n{end}{after}", encoding="utf-8")
