"""A night of any model, rehearsed from its document alone."""

import csv
import json
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

from tests.jobs.test_openapi import DOCUMENTS
from tests.support.night import Night

ROWS = {
    "veo-like": ([{"prompt": "a boat", "image": "a.png", "duration": "4"}], b"ftyp"),
    "flux-like": ([{"prompt": "a boat", "num_images": "2"}, {"prompt": "a kite"}], b"PNG"),
    "talk-like": ([{"image": "a.png", "audio": "a.wav"}], b"ftyp"),
    "speech-like": ([{"text": "hello", "voice_setting": '{"speed": 1.5}'}], b"WAVE"),
    "upscale-like": ([{"video": "a.wav", "factor": "4"}], b"ftyp"),
    "edit-like": ([{"prompt": "a boat", "image": "a.png; b.png"}], b"PNG"),
}
"""What stands in the table, and what is in the first bytes of what is made."""


@pytest.mark.parametrize("name", ROWS)
def test_a_model_is_rehearsed_from_its_document(name: str, tmp_path: Path) -> None:
    """No line of code: its inputs are uploaded and sent as its schema has them, and every row has its file."""
    rows, mark = ROWS[name]
    for file, colour in (("a.png", "red"), ("b.png", "blue")):
        Image.new("RGB", (400, 400), colour).save(tmp_path / file)
    (tmp_path / "a.wav").write_bytes(b"RIFF....WAVE")
    held = {"name": name, "openapi": json.loads((DOCUMENTS / f"{name}.json").read_text())}
    (tmp_path / "m.json").write_text(json.dumps(held))
    with (tmp_path / "shots.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    now = Night(tmp_path)
    checked = now.run("check", tmp_path / "shots.csv", "--model", tmp_path / "m.json")
    assert checked.code == 0, checked.out + checked.err
    assert f"{len(rows)} to run" in checked.out
    ended = now.run("run", tmp_path / "shots.csv", "--model", tmp_path / "m.json", "--sandbox")
    assert ended.code == 0, ended.err
    with (tmp_path / "shots.sandbox.csv").open(newline="") as file:
        made = [Path(unquote(urlsplit(row["video_url"]).path)) for row in csv.DictReader(file)]
    assert len({*made}) == len(rows)
    assert all(mark in path.read_bytes()[:16] for path in made)
    requests = [
        json.loads(line) for line in (tmp_path / "shots.csv.sandbox" / "requests.jsonl").read_text().splitlines()
    ]
    sent = [one["input"] for one in requests if one.get("do") == "submit"]
    assert all("a.png" not in json.dumps(one) and "a.wav" not in json.dumps(one) for one in sent)
    shutil.rmtree(tmp_path / "shots.csv.sandbox")
