"""Jobs are found by name, by endpoint and by file; nobody else's takes the name of one of the program's."""

import json
from pathlib import Path

import pytest

from batch.errors import UsageError
from batch.manifest.validation import checker
from jobs import library
from jobs.kling import KLING_2_1_PRO
from tests.jobs.test_openapi import document

PRICES = {
    "kling-2.1-pro": 490_000,
    "kling-2.1-standard": 280_000,
    "kling-2.1-master": 1_400_000,
    "kling-2.5-turbo-pro": 350_000,
    "kling-2.5-turbo-standard": 210_000,
    "kling-2.6-pro": None,
    "kling-3.0-pro": None,
    "kling-3.0-standard": None,
}


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a person's own models."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return library.own_folder()


def test_the_usual_one_is_kling_2_1_pro() -> None:
    """Where nothing is said; ledgers that say nothing are its own, and nobody else's."""
    assert library.find(None) == library.find("kling-2.1-pro") == KLING_2_1_PRO
    assert [name for name in library.names() if library.find(name).first] == ["kling-2.1-pro"]


@pytest.mark.parametrize("name", PRICES)
def test_every_kling_takes_the_same_columns(name: str) -> None:
    """A sheet for one runs at another; its price is what fal's page says for five seconds, or not known."""
    job = library.find(name)
    assert library.find(job.endpoint) == job
    titles = {titles[0] for titles in job.columns.values()}
    assert {"prompt", "image", "duration", "negative_prompt"} <= titles
    assert ("tail_image" in titles) is not ("tail_image" in job.refused)
    assert job.price({}, job.prices) == PRICES[name]
    assert job.video_url({"video": {"url": "https://v"}}) == "https://v"
    check = checker(job.schema)
    image = next(one for one, titles in job.columns.items() if titles[0] == "image")
    assert check({"prompt": "a", image: "https://x.y/a.png"}) == []
    assert {fault.name for fault in check({})} == {"prompt", image}
    assert {fault.name for fault in check({"prompt": "a" * 2501, image: "x"})} == {"prompt"}


def test_names_are_all_that_there_are() -> None:
    """Those of the program, then those beside the table, then a person's own."""
    assert set(library.names()) == set(PRICES)


def test_a_model_that_was_added_is_found(own: Path, tmp_path: Path) -> None:
    """Beside the table, or for every table; by its name, its endpoint or its file."""
    path = library.save(own, "veo", document("veo-like"), {"price": {"usd": "0.4"}})
    assert library.find("veo").prices == {"": 400_000}
    assert library.find("fal-ai/veo-like/image-to-video").name == "veo"
    assert library.find(str(path)).name == "veo"
    library.save(tmp_path, "flux", document("flux-like"), {})
    assert library.names(tmp_path / "shots.csv")[-2:] == ["flux", "veo"]
    with pytest.raises(UsageError, match=r"--model flux: there is no such model; there are kling-2.1-master, "):
        library.find("flux")


def test_nobody_takes_the_name_of_one_of_ours(own: Path, tmp_path: Path) -> None:
    """A file that came with somebody's table sends no row elsewhere."""
    for folder in (own, tmp_path):
        library.save(folder, "kling-2.1-pro", document("flux-like"), {})
    assert library.find("kling-2.1-pro", tmp_path / "shots.csv") == KLING_2_1_PRO
    assert library.find(KLING_2_1_PRO.endpoint, tmp_path / "shots.csv") == KLING_2_1_PRO


def test_a_job_of_ones_own_in_python(tmp_path: Path) -> None:
    """By its path."""
    path = tmp_path / "my_job.py"
    path.write_text(
        "from dataclasses import replace\nimport jobs.kling\nMINE = replace(jobs.kling.KLING_2_1_PRO, name='mine')\n"
    )
    assert library.find(str(path)).name == "mine"
    path.write_text("x = 1\n")
    with pytest.raises(UsageError, match="it defines 0 jobs"):
        library.find(str(path))
    with pytest.raises(UsageError, match="there is no such file"):
        library.find(str(tmp_path / "none.py"))


def test_a_file_that_holds_no_model_is_refused(own: Path) -> None:
    """In one line, by its name."""
    own.mkdir(parents=True)
    path = own / "bad.model.json"
    for text in ("", "[]", "{}", json.dumps({"name": "bad", "openapi": {}})):
        path.write_text(text)
        with pytest.raises(UsageError):
            library.find("bad")
