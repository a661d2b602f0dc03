"""The Python API, on its own in a child process, with DataFrames in and out."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.support.night import PATIENCE, ROOT, Night, night

FRAME = """
import json, sys
import pandas as pd
import batch
frame = pd.DataFrame({
    "take": [1, 2, 3],
    "prompt": ["a", "b", "c [[no_media_generated]]"],
    "image": ["https://example.com/a.png"] * 3,
    "duration": [5, 10, 5],
})
"""


def python(now: Night, text: str) -> dict[str, object]:
    command = [sys.executable, "-c", FRAME + text]
    done = subprocess.run(
        command,
        env=now.environment,
        cwd=now.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told


def test_a_frame_is_checked_run_and_comes_back_with_its_results(tmp_path: Path) -> None:
    """The frame keeps its types, a second call buys nothing, an outcome has the numbers of the command line."""
    with night(tmp_path) as now:
        told = python(
            now,
            """
said = []
first = batch.run(frame, "shots.parquet", say=said.append)
again = batch.run(frame, "shots.parquet", concurrency=2)
checked = batch.check("shots.parquet")
made = batch.results("shots.parquet")
json.dump({
    "codes": [int(first.exit_code), int(again.exit_code), int(checked.exit_code)],
    "spent": [first.spent_now, again.spent_now],
    "said": said,
    "columns": list(made.columns[:5]),
    "take": str(made["take"].dtype),
    "status": list(made["status"]),
    "cost": [float(cost) for cost in made["cost_usd"]],
    "prompts": dict(zip(made["request_id"], made["prompt"])),
}, sys.stdout)
""",
        )
        assert told["codes"] == [1, 1, 0]
        assert told["spent"] == [1_960_000, 0]
        assert told["said"] == [
            "columns: prompt, image, duration",
            "no tail_image column; no negative_prompt column: every row 'blur, distort, and low quality'; "
            "no cfg_scale column: every row 0.5",
            "left alone: 'take'",
            "3 rows to run for $1.96 (2 of 5 s for $0.98, 1 of 10 s for $0.98)",
        ]
        assert (told["columns"], told["take"]) == (["take", "prompt", "image", "duration", "status"], "int64")
        assert told["status"] == ["succeeded", "succeeded", "failed"]
        assert told["cost"] == [0.49, 0.98, 0.49]
        assert told["prompts"] == now.videos
        assert now.asked("submit") == 3


def test_the_callback_of_the_page_on_commands_is_told_what_fal_says(tmp_path: Path) -> None:
    """Word for word; it is that of fal's own client, but for the class and the line that runs it."""
    [example] = [
        text
        for text in re.findall(r"```python\n(.*?)```", (ROOT / "samples" / "COMMANDS.md").read_text(), re.DOTALL)
        if "on_" in text
    ]
    with night(tmp_path) as now:
        now.manifest(3)
        done = subprocess.run(
            [sys.executable, "-c", example],
            env=now.environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [f"row {n}: Run started" for n in (2, 3, 4)]


def test_mistakes_are_errors_of_the_package_and_cost_nothing(tmp_path: Path) -> None:
    """A frame without a path, another frame on the same path, a CSV that is not there, a misspelt argument."""
    with night(tmp_path) as now:
        told = python(
            now,
            """
from batch.errors import BatchError
frame.to_parquet("other.parquet")
def error(*arguments, **more):
    try:
        batch.run(*arguments, **more)
    except (BatchError, TypeError, ValueError) as caught:
        return f"{type(caught).__name__}: {caught}"
json.dump([
    error(frame),
    error(frame[:2], "other.parquet"),
    error("none.csv"),
    error(frame, "shots.parquet", mapped={"sound": "x"}),
], sys.stdout)
""",
        )
        no_path, other, missing, mapped = map(str, told)
        assert no_path.startswith("UsageError: a DataFrame needs a path")
        assert other.startswith("UsageError: other.parquet holds other rows")
        assert missing.startswith("ManifestError: none.csv cannot be read (No such file")
        assert mapped.startswith("UsageError: --map sound=")
        assert now.address.fault_injector.requests.total() == 0
