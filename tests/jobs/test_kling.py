"""The Kling job against the service as the sandbox plays it: what is checked here is what is refused there."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.manifest.validation import checker
from batch.sandbox import models
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.queues import a_queue, shot

CHECK = checker(JOB.schema)
TEXTS = st.one_of(
    st.text(min_size=1, max_size=20),
    st.sampled_from([2499, 2500, 2501]).map("x".__mul__),
    st.just("🎬" * 2500),
    st.integers(),
)
INPUTS: dict[str, st.SearchStrategy[object]] = {
    "prompt": TEXTS,
    "image_url": TEXTS,
    "tail_image_url": TEXTS,
    "negative_prompt": TEXTS,
    "duration": st.sampled_from(["5", "10", 5, "7", "5 s", ""]),
    "cfg_scale": st.one_of(st.floats(-0.5, 1.5), st.sampled_from([0, 1, -1, 2, "0.5", True, None])),
}
"""Texts that are empty stand apart: the service takes them, and nobody can mean them."""


def faults(arguments: Mapping[str, object]) -> set[str]:
    """The inputs in which the schema finds a fault."""
    return {fault.name for fault in CHECK(arguments)}


def refused(arguments: Mapping[str, object]) -> set[str]:
    """The inputs that the service's runner refuses."""
    return {detail["loc"][1] for detail in models.refusals(arguments)}  # type: ignore[index]


@given(st.fixed_dictionaries({}, optional=INPUTS))
def test_the_schema_finds_the_faults_that_the_service_refuses(arguments: dict[str, object]) -> None:
    """The same inputs, all at once: a row that is checked is not refused, and none is kept back that would run."""
    assert faults(arguments) == refused(arguments)


SEED: Mapping[str, Mapping[str, object]] = {
    "prompt": {"type": "string", "minLength": 1, "maxLength": 2500},
    "image_url": {"type": "string", "minLength": 1},
    "duration": {"type": "string", "enum": ["5", "10"], "default": "5"},
    "negative_prompt": {"type": "string", "maxLength": 2500, "default": "blur, distort, and low quality"},
    "cfg_scale": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
    "tail_image_url": {"type": "string", "minLength": 1},
}
"""The inputs as this project began with them, written by hand."""


def test_the_document_means_what_was_once_written_by_hand() -> None:
    """Inputs, which are needed, limits, choices and defaults; only words about them may be others."""
    said = {
        name: {rule: value for rule, value in rules.items() if rule not in ("description", "title", "examples")}
        for name, rules in JOB.schema["properties"].items()
    }
    assert said == SEED
    assert set(JOB.schema["required"]) == {"prompt", "image_url"}
    assert JOB.schema["additionalProperties"] is False
    assert (JOB.prices, JOB.price_by) == ({"5": 490_000, "10": 980_000}, "duration")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"prompt": ""}, "prompt"),
        ({"image_url": ""}, "image_url"),
        ({"tail_image_url": ""}, "tail_image_url"),
        ({"negative_prompt": None}, "negative_prompt"),
    ],
)
def test_what_the_service_takes_but_nobody_can_mean_is_refused_before(change: dict[str, object], name: str) -> None:
    """An empty prompt is a video that is paid for."""
    arguments = {**shot(), **change}
    assert refused(arguments) == set()
    assert faults(arguments) == {name}


def test_an_input_that_the_endpoint_does_not_have_is_refused() -> None:
    """A misspelt one would be left out in silence."""
    assert CHECK({**shot(), "cfgscale": 0.5})


def test_the_endpoint_and_its_prices_are_those_of_the_service() -> None:
    """So many seconds at the price of one."""
    assert JOB.endpoint == models.PRO
    assert set(JOB.prices) == set(models.DURATIONS)
    for seconds, price in JOB.prices.items():
        assert price == round(int(seconds) * models.DOLLARS_PER_SECOND[JOB.endpoint] * 1_000_000)


def test_every_name_in_the_job_is_an_input_of_the_schema() -> None:
    """Columns, images, units and the price; each input can be given by a column."""
    inputs = set(JOB.schema["properties"])
    assert set(JOB.columns) == inputs
    assert {*JOB.images, *JOB.units, JOB.price_by} <= inputs
    assert JOB.default(JOB.price_by) in JOB.prices


def test_the_documented_defaults_pass_the_check() -> None:
    """What fal takes by itself may be written down."""
    defaults = {name: JOB.default(name) for name in JOB.schema["properties"] if JOB.default(name) is not None}
    assert faults({**shot(), **defaults}) == set()


def test_the_video_is_found_in_the_services_own_result() -> None:
    """At the place that the job names."""
    queue, clock = a_queue()
    request = queue.submit(JOB.endpoint, shot())
    clock.now += 300.0
    assert str(JOB.video_url(queue.result(request.id).body)).endswith(f"{request.id}.mp4")
