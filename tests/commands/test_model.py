"""Models are listed, shown, added from a document, and compared with what fal says today; then they run."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from batch.cli.main import main
from batch.commands.model import described, differences
from batch.core.gateway import UnitPrice
from jobs import library
from tests.jobs.test_openapi import DOCUMENTS, document

CELLS = {
    "veo-like": {"prompt": "a boat", "image": "a.png", "duration": "6"},
    "flux-like": {"prompt": "a boat", "num_images": "2.0", "image_size": '{"width": 640}'},
    "talk-like": {"image": "a.png", "audio": "a.wav", "resolution": "720P"},
    "speech-like": {"text": "hello", "voice_setting": '{"speed": 1.5}', "pauses": '[{"at": 1}]'},
    "upscale-like": {"video": "https://example.com/a.mp4", "factor": "4"},
    "edit-like": {"prompt": "a boat", "image": "a.png; b.png", "tags": "x; y"},
}


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of models, and of files, of this test's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("FAL_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        Image.new("RGB", (400, 400), "red" if name[0] == "a" else "blue").save(tmp_path / name)
    (tmp_path / "a.wav").write_bytes(b"RIFF")


def typed(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def added(name: str) -> str:
    """The endpoint of a model that was added from its document."""
    endpoint = library.job_of(document(name), {}, name).endpoint
    told = typed("model", "add", endpoint, "--name", name, "--openapi", DOCUMENTS / f"{name}.json")
    assert told.exit_code == 0, told.output
    assert "price: not known" in told.output
    return endpoint


def test_models_are_listed_and_shown() -> None:
    """With their columns and prices."""
    assert "kling-3.0-pro             fal-ai/kling-video/v3/pro/image-to-video\n" in typed("model", "list").output
    told = typed("model", "show", "kling-2.1-pro").output
    assert "  image            image; needed\n" in told
    assert "  cfg_scale        number from 0 to 1; 0.5 where nothing stands\n" in told
    assert told.endswith("price, by duration: $0.49 for 5, $0.98 for 10\n")


@pytest.mark.parametrize("name", CELLS)
def test_a_model_that_was_added_is_checked(name: str, tmp_path: Path) -> None:
    """Without a line of code: right cells are right, wrong ones are told; nothing is bought without a price."""
    added(name)
    table = tmp_path / "shots.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, CELLS[name])
        writer.writeheader()
        writer.writerow(CELLS[name])
    told = typed("check", table, "--model", name)
    assert told.exit_code == 0, told.output
    assert "1 row: 1 to run" in told.output
    told = typed("run", table, "--model", name)
    assert told.exit_code == 2
    assert "no price is known for fal-ai/" in told.output
    table.write_text(
        table.read_text().replace("a boat", "").replace("hello", "").replace("a.png", "gone.png").replace("4\n", "3\n")
    )
    assert typed("check", table, "--model", name).exit_code == 1


def test_a_description_is_that_of_the_endpoint_that_was_named(tmp_path: Path) -> None:
    """Else rows would go elsewhere."""
    told = typed("model", "add", "fal-ai/other", "--openapi", DOCUMENTS / "veo-like.json")
    assert told.exit_code == 2
    assert "the description is that of fal-ai/veo-like/image-to-video, not of fal-ai/other" in told.output
    told = typed(
        "model", "add", "fal-ai/veo-like/image-to-video", "--openapi", DOCUMENTS / "veo-like.json", "--name", "a/b"
    )
    assert told.exit_code == 2
    told = typed("model", "add", "x/y", "--openapi", tmp_path / "none.json")
    assert (told.exit_code, "cannot be read as JSON" in told.output) == (2, True)


def test_what_fal_has_changed_is_shown_field_by_field(tmp_path: Path) -> None:
    """And nothing is changed by that."""
    added("veo-like")
    same = typed("model", "refresh", "veo-like", "--openapi", DOCUMENTS / "veo-like.json")
    assert (same.exit_code, same.output) == (0, "veo-like is as fal describes it today\n")
    changed = document("veo-like")
    schema = changed["components"]["schemas"]["Input"]
    schema["properties"]["duration"]["enum"].append("12s")
    del schema["properties"]["seed"]
    schema["properties"]["style"] = {"type": "string"}
    (tmp_path / "today.json").write_text(json.dumps(changed))
    told = typed("model", "refresh", "veo-like", "--openapi", tmp_path / "today.json")
    assert told.exit_code == 1
    assert 'duration.enum: ["4s", "6s", "8s", "12s"] (was ["4s", "6s", "8s"])' in told.output
    assert 'seed: gone (was {"type": "integer"})' in told.output
    assert 'style: new, {"type": "string"}' in told.output


def test_fals_price_is_taken_up_where_it_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    """Per second, by the duration."""
    from decimal import Decimal

    monkeypatch.setattr("batch.commands.model.fetched_document", lambda _: document("veo-like"))
    monkeypatch.setattr("batch.commands.model.fetched_price", lambda _: UnitPrice(Decimal("0.2"), "seconds", "USD"))
    told = typed("model", "add", "fal-ai/veo-like/image-to-video")
    assert "price, by duration: $0.80 for 4s, $1.20 for 6s, $1.60 for 8s" in told.output
    assert "veo-like-image-to-video.model.json" in told.output
    shutil.rmtree(library.own_folder())


def test_differences_of_nothing_are_none() -> None:
    """Equal is equal, however deep."""
    schema = library.find("kling-2.1-pro").schema
    assert list(differences(schema, schema)) == []
    assert described(library.find("kling-3.0-pro"))[-1].startswith(
        "price: not known; see https://fal.ai/models/fal-ai/kling"
    )
