"""Any job is played from its schema alone."""

from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from batch.sandbox.played import preview, refusals_of, result_of
from jobs.openapi import job_of
from tests.jobs.test_openapi import document


def job(name: str) -> Any:
    return job_of(document(name), {}, name)


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"prompt": "a", "image_url": "x"}, {}),
        ({"image_url": "x"}, {"prompt": "missing"}),
        ({"prompt": 5, "image_url": "x"}, {"prompt": "string_type"}),
        ({"prompt": "a", "image_url": "x", "duration": "5s"}, {"duration": "literal_error"}),
        ({"prompt": "a", "image_url": "x", "generate_audio": "yes"}, {"generate_audio": "boolean_type"}),
        ({"prompt": "a", "image_url": "x", "seed": True}, {"seed": "integer_type"}),
    ],
)
def test_inputs_are_refused_as_their_schema_says(given: dict[str, object], refused: dict[str, str]) -> None:
    """All faults at once, as pydantic tells them."""
    found = refusals_of(job("veo-like"), given)
    assert {detail["loc"][1]: detail["type"] for detail in found} == refused  # type: ignore[index]


def test_numbers_have_bounds() -> None:
    """And words where several kinds are allowed are none of our business."""
    given = {"prompt": "a", "num_images": 9, "guidance_scale": 0.5, "image_size": "square_hd"}
    assert [detail["type"] for detail in refusals_of(job("flux-like"), given)] == [
        "less_than_equal",
        "greater_than_equal",
    ]


def no_network(url: str) -> bytes:
    raise OSError(url)


def test_a_video_has_the_length_that_was_asked_for(tmp_path: Path) -> None:
    """Whatever unit stands behind it."""
    target = tmp_path / "clip.mp4"
    preview(job("veo-like"))({"prompt": "a", "image_url": "x", "duration": "4s"}, target, fetch=no_network)
    with av.open(str(target)) as film:
        assert film.duration == 4 * av.time_base


@pytest.mark.parametrize(("name", "start"), [("edit-like", b"\x89PNG"), ("speech-like", b"RIFF")])
def test_other_models_make_other_files(name: str, start: bytes, tmp_path: Path) -> None:
    """A picture, also where the input is a list of them; sound."""
    picture = tmp_path / "a.png"
    Image.new("RGB", (64, 48), "red").save(picture)
    target = tmp_path / "made"
    given = {"prompt": "a", "text": "a", "image_urls": ["u"]}
    preview(job(name))(given, target, fetch=lambda _: picture.read_bytes())
    assert target.read_bytes().startswith(start)


def test_results_are_those_of_fals_models() -> None:
    """Found again by the job."""
    for name in ("veo-like", "flux-like", "speech-like"):
        found = job(name)
        assert found.video_url(result_of(found.makes, {"url": "https://x"})) == "https://x"
