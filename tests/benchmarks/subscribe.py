"""What a careful script does today: `fal_client.subscribe_async` under a semaphore, results written as they come.

    python subscribe.py MANIFEST RESULTS AT_ONCE

Rows whose result is in RESULTS are skipped, so that it can be started again.
"""

import asyncio
import csv
import json
import sys
from pathlib import Path

import fal_client

ENDPOINT = "fal-ai/kling-video/v2.1/pro/image-to-video"


async def bring(row: dict[str, str], gate: asyncio.Semaphore, results: Path) -> None:
    async with gate:
        shot = {"prompt": row["prompt"], "image_url": row["image"], "duration": "5"}
        result = await fal_client.subscribe_async(ENDPOINT, shot)
    with results.open("a") as out:
        out.write(json.dumps({"id": row["id"], "url": result["video"]["url"]}) + "\n")


def missing(manifest: Path, results: Path) -> list[dict[str, str]]:
    """The rows without a result."""
    results.touch()
    have = {json.loads(line)["id"] for line in results.read_text().splitlines()}
    with manifest.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["id"] not in have]


async def main(rows: list[dict[str, str]], results: Path, at_once: int) -> int:
    gate = asyncio.Semaphore(at_once)
    ends = await asyncio.gather(*(bring(row, gate, results) for row in rows), return_exceptions=True)
    failures = [end for end in ends if end is not None]
    for failure in failures[:3]:
        print(repr(failure), file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    manifest, results, at_once = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    sys.exit(asyncio.run(main(missing(manifest, results), results, at_once)))
