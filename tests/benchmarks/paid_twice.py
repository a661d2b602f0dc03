"""What lost replies and a SIGKILL cost: kling-batch and what a careful script does today, side by side.

    python -m tests.benchmarks.paid_twice

The same 200 rows each, against the sandbox, once with every tenth reply to a submit lost after it was accepted, once
killed when 70 % of the rows were accepted and then started again.
"""

import json
import logging
import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from batch.sandbox import Address, Faults, Queue, serve
from batch.table import open_table
from tests.benchmarks.clients import Client, clients, results_of
from tests.benchmarks.measure import ROOT
from tests.benchmarks.report import markdown_row

ROWS = 200
AT_ONCE = 20
RUN_SECONDS = 0.5
KILLED_AT = ROWS * 7 // 10
PATIENCE = 80.0
"""Seconds for one command; then it is killed, and said to hang."""
HEADER = ("", "rows paid twice", "videos paid for but lost", "rows in doubt", "exit code", "seconds")


@dataclass(frozen=True, slots=True)
class Night:
    """How a night went."""

    twice: int
    lost: int
    """Requests that were accepted, so are paid for, whose video is in nobody's hand."""
    doubts: int
    codes: Sequence[str]
    seconds: float

    def cells(self) -> list[str]:
        return [str(self.twice), str(self.lost), str(self.doubts), ", then ".join(self.codes), f"{self.seconds:.0f}"]


def table() -> str:
    """Runs all of it, and gives the table as Markdown."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it tells of each request that a kill cut short
    lines = [markdown_row(HEADER), markdown_row(["---", *("---:" for _ in HEADER[1:])])]
    for title, faults, kill in (
        (f"{ROWS} rows, every tenth reply lost", "submit:*10=cut_after", False),
        (f"{ROWS} rows, SIGKILL after {KILLED_AT} of them, started again", "", True),
    ):
        lines.append(markdown_row([f"**{title}**", *("" for _ in HEADER[1:])]))
        lines += [
            markdown_row([client.name, *_night(client, faults, kill).cells()])
            for client in clients()
            if not (client.missing or client.least)
        ]
    return "\n".join(lines)


def _night(client: Client, faults: str, kill: bool) -> Night:
    with tempfile.TemporaryDirectory(prefix="kling-batch-paid-twice-") as name, _service(faults) as address:
        shots = Path(name) / "shots.csv"
        lines = [f"s{n},shot {n},https://example.com/a.png\n" for n in range(ROWS)]
        shots.write_text("id,prompt,image\n" + "".join(lines))
        command = client.command(shots, AT_ONCE)
        began = time.monotonic()
        codes = [_killed(command, address)] if kill else []
        codes.append(_ended(_start(command, address)))
        seconds = time.monotonic() - began
        requests = address.queue.requests
        bought = Counter(str(request.input["prompt"]) for request in requests)
        urls, doubts = _in_hand(shots)
        twice = sum(count > 1 for count in bought.values())
        return Night(twice, len(requests) - len(urls), doubts, codes, seconds)


@contextmanager
def _service(faults: str) -> Iterator[Address]:
    serving = serve(Queue(AT_ONCE, RUN_SECONDS), faults=Faults.parse(faults))
    with start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(serving) as address:
        yield address


def _start(command: Sequence[str], address: Address) -> "subprocess.Popen[bytes]":
    environment = os.environ | address.environment()
    environment |= {"PYTHONPATH": str(ROOT), "SERVICE": f"localhost:{address.port}"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _killed(command: Sequence[str], address: Address) -> str:
    """The command, killed as soon as the service has accepted enough."""
    child = _start(command, address)
    deadline = time.monotonic() + PATIENCE
    while address.queue.accepted < KILLED_AT and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    child.send_signal(signal.SIGKILL)
    return "killed" if child.wait() == -signal.SIGKILL else f"not killed: {child.returncode}"


def _ended(child: "subprocess.Popen[bytes]") -> str:
    with suppress(subprocess.TimeoutExpired):
        return str(child.wait(PATIENCE))
    child.kill()
    child.wait()
    return f"none within {PATIENCE:.0f} s"


def _in_hand(shots: Path) -> tuple[set[str], int]:
    """The videos' URLs that were written down, and how many rows are in doubt."""
    if (results := results_of(shots)).exists():
        return {json.loads(line)["url"] for line in results.read_text().splitlines()}, 0
    written = open_table(shots)
    url, status = written.columns.index("video_url"), written.columns.index("status")
    cells = [record.cells for record in written.records()]
    return {row[url] for row in cells if row[url]}, sum(row[status] == "in_doubt" for row in cells)


if __name__ == "__main__":
    print(table())
