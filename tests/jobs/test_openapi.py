"""A job is made of fal's own OpenAPI document: inputs, columns, files, prices, what it makes."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from batch.errors import UsageError
from jobs.openapi import endpoint_of, input_schema, job_of, makes, price_facts

DOCUMENTS = Path(__file__).parent / "documents"
"""OpenAPI documents in fal's form, of unlike models."""


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCUMENTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


ALL = sorted(path.stem for path in DOCUMENTS.glob("*.json"))


@pytest.mark.parametrize("name", ALL)
def test_every_input_has_a_column_and_none_two(name: str) -> None:
    """By its own name at least."""
    job = job_of(document(name), {}, name)
    assert set(job.columns) == set(job.schema["properties"])
    titles = [title for names in job.columns.values() for title in names]
    assert len(titles) == len({*titles})
    assert {*job.images, *job.files} <= set(job.columns)
    assert not {*job.images} & {*job.files}


def test_a_video_model() -> None:
    """Pictures by their names, seconds with a unit, the first file of its output."""
    job = job_of(document("veo-like"), {}, "veo")
    assert job.endpoint == "fal-ai/veo-like/image-to-video"
    assert job.images == ["image_url"]
    assert job.columns["image_url"] == ("image", "image_url")
    assert job.schema["properties"]["duration"]["enum"] == ["4s", "6s", "8s"]
    assert job.schema["required"] == ["prompt", "image_url"]
    assert (job.makes, job.output) == ("video", ())
    per_second = job_of(document("veo-like"), {"price": price_facts(job, Decimal("0.2"), "seconds")}, "veo")
    assert (per_second.price_by, per_second.prices) == ("duration", {"4s": 800_000, "6s": 1_200_000, "8s": 1_600_000})
    assert per_second.price({}, per_second.prices) == 1_600_000


def test_an_image_model() -> None:
    """What may be null is what it is otherwise; a size is one of some words, or an object."""
    job = job_of(document("flux-like"), {}, "flux")
    assert job.schema["properties"]["seed"] == {"type": "integer", "description": "The same seed gives the same image."}
    assert job.makes == "image"
    assert len(job.schema["properties"]["image_size"]["anyOf"]) == 2
    priced = job_of(document("flux-like"), {"price": price_facts(job, Decimal("0.025"), "images")}, "flux")
    assert priced.prices == {"1": 25_000, "2": 50_000, "3": 75_000, "4": 100_000}
    assert priced.price({"num_images": 3}, priced.prices) == 75_000
    assert price_facts(job, Decimal("0.025"), "megapixels") == {}


def test_audio_nested_and_numbered_inputs() -> None:
    """Files that are no pictures; objects in lists; an enum of whole numbers."""
    talk = job_of(document("talk-like"), {}, "talk")
    assert (talk.images, talk.files) == (["image_url"], ["audio_url"])
    speech = job_of(document("speech-like"), {}, "speech")
    assert speech.makes == "audio"
    assert speech.schema["properties"]["voice_setting"]["properties"]["speed"]["maximum"] == 2
    upscale = job_of(document("upscale-like"), {}, "upscale")
    assert upscale.schema["properties"]["factor"]["enum"] == [2, 4]
    assert (upscale.files, upscale.makes) == (["video_url"], "video")
    edit = job_of(document("edit-like"), {}, "edit")
    assert edit.images == ["image_urls"]
    assert edit.columns["image_urls"] == ("image", "image_urls")


def test_facts_come_over_the_document() -> None:
    """Columns, limits, what is required, the price of each request."""
    facts = {
        "columns": {"image_url": ["image", "picture"]},
        "limits": {"prompt": {"maxLength": 9}},
        "price": {"usd": "0.4"},
        "output": ["video", "url"],
        "typical_seconds": 60,
    }
    job = job_of(document("veo-like"), facts, "veo")
    assert job.columns["image_url"] == ("image", "picture")
    assert job.schema["properties"]["prompt"]["maxLength"] == 9
    assert (job.price_by, job.prices, job.output, job.typical_seconds) == ("", {"": 400_000}, ("video", "url"), 60.0)


@pytest.mark.parametrize("price", ["0", "-1", "nothing", "NaN", "Infinity", "0.0000001"])
def test_a_price_of_nothing_is_none(price: str) -> None:
    """It would have room in every budget."""
    for facts in ({"usd": price}, {"by": "duration", "usd_per_unit": price}, {"by": "duration", "usd": {"4s": price}}):
        with pytest.raises(UsageError, match="is no price in US dollars"):
            job_of(document("veo-like"), {"price": facts}, "veo")


@pytest.mark.parametrize("endpoint", ["x", "../x", "fal-ai/x?y", "https://evil/x", "fal-ai//x"])
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    """It becomes part of an address that the key is sent to."""
    told = document("veo-like")
    told["info"]["x-fal-metadata"]["endpointId"] = endpoint
    with pytest.raises(UsageError, match="is no endpoint of fal's"):
        job_of(told, {}, "veo")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({}, "no OpenAPI document of an endpoint"),
        ([], "no OpenAPI document of an endpoint"),
        ({"paths": {"/a/b": {"post": {}}}}, "describes no input"),
        (
            {
                "paths": {
                    "/a/b": {
                        "post": {
                            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/x"}}}}
                        }
                    }
                },
                "components": {"x": {"properties": {"a": {"$ref": "#/components/x"}}}},
            },
            "refer to themselves",
        ),
    ],
)
def test_what_is_no_such_document_is_refused(broken: Any, message: str) -> None:
    """In one line, with what to do."""
    with pytest.raises(UsageError, match=message):
        job_of(broken, {}, "broken")


def test_the_endpoint_is_told_by_the_document_or_its_path() -> None:
    """Whichever is there."""
    told = document("veo-like")
    assert endpoint_of(told) == "fal-ai/veo-like/image-to-video"
    del told["info"]
    assert endpoint_of(told) == "fal-ai/veo-like/image-to-video"
    assert list(input_schema(told)["properties"])[:2] == ["prompt", "image_url"]
    assert makes({}) == "file"
