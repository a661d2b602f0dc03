"""What a job tells the engine of its model."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.job import Job, canonical, encoded

JOB = Job(
    name="a model",
    endpoint="owner/model",
    schema={"properties": {"length": {"type": "string", "default": "5"}, "text": {"type": "string"}}},
    columns={"text": ("text",)},
    price_by="length",
    prices={"5": 1, "10": 2},
    output=("video", "url"),
    typical_seconds=1.0,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def test_a_default_is_that_of_the_schema() -> None:
    """None where the schema gives none."""
    assert (JOB.default("length"), JOB.default("text")) == ("5", None)


@pytest.mark.parametrize(
    ("arguments", "price"), [({}, 1), ({"length": "5"}, 1), ({"length": "10"}, 2), ({"length": 10}, 2)]
)
def test_a_price_goes_by_the_input_or_its_default(arguments: dict[str, object], price: int) -> None:
    """What is not sent costs what fal's own value costs."""
    assert JOB.price(arguments, JOB.prices) == price


def test_a_price_that_is_not_given_is_unknown() -> None:
    """Never nothing, and never that of another length."""
    assert JOB.price({"length": "10"}, {"5": 1}) is None
    assert JOB.price({"length": "7"}, JOB.prices) is None


@pytest.mark.parametrize(
    ("result", "url"),
    [
        ({"video": {"url": "https://v"}, "seed": 1}, "https://v"),
        ({"video": {"url": ""}}, None),
        ({"video": {"url": 7}}, None),
        ({"video": {}}, None),
        ({"video": "https://v"}, None),
        ({"video": [{"url": "https://v"}]}, None),
        ({}, None),
        (None, None),
        ("https://v", None),
    ],
)
def test_a_video_is_found_where_the_job_says_and_nowhere_else(result: object, url: str | None) -> None:
    """A result of another form has none; it is no reason for a traceback."""
    assert JOB.video_url(result) == url


def test_another_place_of_the_video_is_another_job() -> None:
    """The engine knows no model's result."""
    assert replace(JOB, output=("clips",)).video_url({"clips": "https://v"}) == "https://v"


@given(st.dictionaries(st.text(), VALUES))
def test_arguments_are_encoded_as_the_one_json_text_of_them(arguments: dict[str, object]) -> None:
    """Made by hand, it is the text that the library makes, whatever the order of the keys."""
    assert encoded(arguments) == canonical(arguments) == encoded(dict(reversed(arguments.items())))
    assert json.loads(encoded(arguments)) == arguments


FLAT = replace(JOB, price_by="", prices={"": 7}, output=())


def test_each_request_may_cost_the_same() -> None:
    """Nothing decides it."""
    assert FLAT.price({"text": "x"}, FLAT.prices) == 7
    assert FLAT.price_values == [""]
    assert FLAT.price({}, {}) is None


@pytest.mark.parametrize(
    ("result", "url"),
    [
        ({"seed": 1, "video": {"url": "https://v"}}, "https://v"),
        ({"images": [{"width": 9, "url": "https://1"}, {"url": "https://2"}], "timings": {}}, "https://1"),
        ({"thumbnail": {"url": "https://t"}, "audio": {"url": "https://a"}}, "https://a"),
        ({"parts": [{"deep": {"url": "https://d"}}]}, "https://d"),
        ({"video": {"url": 7}}, None),
        ([], None),
        ("https://v", None),
    ],
)
def test_what_was_made_is_the_first_file_where_no_place_is_told(result: object, url: str | None) -> None:
    """Videos before pictures before sound before anything else."""
    assert FLAT.video_url(result) == url
