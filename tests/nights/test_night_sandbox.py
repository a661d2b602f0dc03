"""Rehearsals: the sandbox behind `--sandbox`, and on its own."""

import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow.parquet as pq
import pytest

from tests.support.night import PATIENCE, ROOT, Night, end, kill, until

SAMPLES = ROOT / "samples"


def film(url: str) -> bytes:
    """The bytes that a file:// URL leads to."""
    assert url.startswith("file://")
    return Path(unquote(urlsplit(url).path)).read_bytes()


@pytest.mark.parametrize("name", ["quickstart.csv", "quickstart.parquet", "messy.csv"])
def test_a_sample_is_rehearsed_without_key_and_network(tmp_path: Path, name: str) -> None:
    """Killed in the middle and run again: every row its playable film, the sample and its folder as they were."""
    folder = tmp_path / "Aufnahmen für März"
    shutil.copytree(SAMPLES, folder, ignore=shutil.ignore_patterns("*.sandbox*"))  # of who rehearsed in this checkout
    given = {path.name for path in folder.iterdir()}
    shots, before = folder / name, (folder / name).read_bytes()
    now = Night(tmp_path)
    broken = now.start("run", shots, "--sandbox")
    until(lambda: list(folder.rglob("*.mp4")), broken)
    kill(broken)
    ended = now.run("run", shots, "--sandbox")
    assert ended.code == 0, ended.err
    result = folder / f"{shots.stem}.sandbox{shots.suffix}"
    rows = pq.read_table(result).to_pylist() if name.endswith("parquet") else rehearsed(result)
    films = [film(row["video_url"]) for row in rows if row["video_url"]]
    assert len(films) == len({*films}) == (5 if name == "messy.csv" else 4)
    assert all(data[4:8] == b"ftyp" for data in films)
    assert shots.read_bytes() == before
    made = {f"{name}.sandbox", result.name}
    assert "to run: " in now.run("check", shots).out  # of the real night, nothing is done
    assert now.run("status", shots).code == 2
    assert {path.name for path in folder.iterdir()} - given == made


def rehearsed(path: Path) -> list[dict[str, str]]:
    import csv

    with path.open(encoding="cp1252", newline="") as file:
        return list(csv.DictReader(file, delimiter=";" if "messy" in path.name else ","))


CLIENT = """
import fal_client, json
print(json.dumps(fal_client.subscribe("fal-ai/kling-video/v2.1/pro/image-to-video",
    {"prompt": "a ship", "image_url": fal_client.encode_file(__import__("sys").argv[1]), "duration": "5"})))
"""


def test_the_stand_alone_sandbox_prints_an_environment_that_works(tmp_path: Path) -> None:
    """fal's own client in another process, led by the printed exports alone, gets a video; Ctrl-C ends it with 130."""
    now = Night(tmp_path)
    served = now.start("sandbox", "--run-seconds", 0.1)
    try:
        assert served.stdout is not None
        exports = dict(parsed(served.stdout.readline()) for _ in range(7))
        command = [sys.executable, "-c", CLIENT, str(SAMPLES / "images" / "kite.jpg")]
        asked = subprocess.run(
            command, env=now.alone | exports, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert asked.returncode == 0, asked.stderr
        assert re.search(r'"url": "https://v3\.fal[^"]+\.mp4"', asked.stdout)
        served.send_signal(signal.SIGINT)
        assert end(served).code == 130
    finally:
        kill(served)


def parsed(line: str) -> tuple[str, str]:
    export, assignment = shlex.split(line)
    assert export == "export"
    name, _, value = assignment.partition("=")
    return name, value
