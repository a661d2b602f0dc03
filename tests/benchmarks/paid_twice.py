"""What lost replies cost: fal-client's own `subscribe` under a semaphore, and kling-batch, side by side.

    python -m tests.benchmarks.paid_twice

200 rows each, against the sandbox; every tenth reply to a submit is lost after it was accepted.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from batch.sandbox import Address, Faults, Queue, serve

ROWS = 200
AT_ONCE = 20
RUN_SECONDS = 0.5
ROOT = Path(__file__).parents[2]

SUBSCRIBE = f"""
import asyncio, csv, json, pathlib, sys, fal_client
done = pathlib.Path(sys.argv[2]); done.touch()
have = {{json.loads(line)["id"] for line in done.read_text().splitlines()}}
rows = [row for row in csv.DictReader(open(sys.argv[1])) if row["id"] not in have]
async def one(row, gate):
    async with gate:
        result = await fal_client.subscribe_async("fal-ai/kling-video/v2.1/pro/image-to-video",
            {{"prompt": row["prompt"], "image_url": row["image"]}})
    with done.open("a") as out:
        out.write(json.dumps({{"id": row["id"], "url": result["video"]["url"]}}) + "\\n")
async def main():
    gate = asyncio.Semaphore({AT_ONCE})
    ends = await asyncio.gather(*(one(row, gate) for row in rows), return_exceptions=True)
    return any(isinstance(end, Exception) for end in ends)
sys.exit(asyncio.run(main()))
"""


def main() -> None:
    """Prints the table."""
    print(f"{'200 rows, every tenth reply lost':34}{'paid twice':>12}{'videos lost':>13}   exit code")
    for name, tool in (("fal_client.subscribe, semaphore", _subscribe), ("kling-batch run", _ours)):
        twice, lost, code = _night(tool, "submit:*10=cut_after")
        print(f"{name:34}{twice:>12}{lost:>13}   {code}", flush=True)


Tool = Callable[[Path], tuple[Sequence[str], Callable[[], set[str]]]]


def _subscribe(folder: Path) -> tuple[Sequence[str], Callable[[], set[str]]]:
    done = folder / "done.jsonl"
    command = [sys.executable, "-c", SUBSCRIBE, str(folder / "shots.csv"), str(done)]
    return command, lambda: {json.loads(line)["id"] for line in done.read_text().splitlines()}


def _ours(folder: Path) -> tuple[Sequence[str], Callable[[], set[str]]]:
    from batch.table import open_table

    shots = folder / "shots.csv"

    def have() -> set[str]:
        table = open_table(shots)
        url = table.columns.index("video_url")
        return {record.cells[0] for record in table.records() if record.cells[url]}

    return [sys.executable, "-m", "batch", "run", str(shots), "--concurrency", str(AT_ONCE)], have


def _night(tool: Tool, faults: str) -> tuple[int, int, int]:
    """Rows paid more than once, rows paid for without a video in hand, and how the command ended."""
    with tempfile.TemporaryDirectory() as name, start_blocking_portal("asyncio") as portal:
        folder = Path(name)
        lines = [f"s{n},shot {n},https://example.com/a.png\n" for n in range(ROWS)]
        (folder / "shots.csv").write_text("id,prompt,image\n" + "".join(lines))
        serving = serve(Queue(AT_ONCE, RUN_SECONDS), faults=Faults.parse(faults))
        with portal.wrap_async_context_manager(serving) as address:
            command, have = tool(folder)
            code = _run(command, address)
            bought = Counter(str(request.input["prompt"]) for request in address.queue.requests)
            paid = {f"s{prompt.removeprefix('shot ')}" for prompt in bought}
            return sum(count > 1 for count in bought.values()), len(paid - have()), code


def _run(command: Sequence[str], address: Address) -> int:
    environment = os.environ | address.environment() | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    ).returncode


if __name__ == "__main__":
    main()
