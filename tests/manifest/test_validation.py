"""The job's own schema, checked: every rule on both sides of its limit, and every fault at once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.manifest.planner import SchemaViolation
from batch.manifest.validation import checker
from jobs.kling import KLING_2_1_PRO as JOB

CHECK = checker(JOB.schema)
FINE: dict[str, Any] = {"prompt": "a boat", "image_url": "https://example.com/a.png"}


@pytest.mark.parametrize(
    ("name", "good", "bad", "rule", "limit"),
    [
        ("prompt", "x", "", "minLength", 1),
        ("prompt", "x" * 2500, "x" * 2501, "maxLength", 2500),
        ("prompt", "🚣" * 2500, "🚣" * 2501, "maxLength", 2500),
        ("image_url", "x", "", "minLength", 1),
        ("negative_prompt", "", "x" * 2501, "maxLength", 2500),
        ("duration", "10", "11", "enum", ["5", "10"]),
        ("duration", "5", 5, "enum", ["5", "10"]),
        ("cfg_scale", 0.0, -0.001, "minimum", 0),
        ("cfg_scale", 1.0, 1.001, "maximum", 1),
        ("cfg_scale", 1, "1", "type", None),
    ],
)
def test_a_rule_holds_up_to_its_limit_and_is_named_beyond(
    name: str, good: object, bad: object, rule: str, limit: object
) -> None:
    """With the input that breaks it and the limit, for the message."""
    assert CHECK({**FINE, name: good}) == []
    found = [one for one in CHECK({**FINE, name: bad}) if one.rule == rule]
    assert found == [SchemaViolation(name, rule, limit)]


@pytest.mark.parametrize("name", JOB.schema["required"])
def test_an_input_that_is_missing_is_told_by_its_name(name: str) -> None:
    """Not by the object that lacks it."""
    (found,) = CHECK({key: value for key, value in FINE.items() if key != name})
    assert (found.name, found.rule) == (name, "required")


def test_no_fault_hides_behind_another() -> None:
    """All of them, each once."""
    found = CHECK({"prompt": "x" * 2501, "duration": "7", "cfg_scale": 2})
    assert sorted((one.name, one.rule) for one in found) == [
        ("cfg_scale", "maximum"),
        ("duration", "enum"),
        ("image_url", "required"),
        ("prompt", "maxLength"),
    ]


def test_an_input_that_the_job_does_not_know_is_refused() -> None:
    """It would be sent, and paid for, without effect."""
    assert [one.rule for one in CHECK({**FINE, "sound": "on"})] == ["additionalProperties"]


values = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.floats(-2, 2), st.text(max_size=3), st.just("5"))


@given(st.dictionaries(st.sampled_from(sorted(JOB.schema["properties"])), values))
def test_what_has_no_fault_is_what_fal_documents(arguments: dict[str, Any]) -> None:
    """The rules written down a second time, in Python."""

    def text(name: str, least: int) -> bool:
        return name not in arguments or (isinstance(arguments[name], str) and least <= len(arguments[name]) <= 2500)

    scale = arguments.get("cfg_scale", 0.5)
    documented = (
        {"prompt", "image_url"} <= set(arguments)
        and all(text(name, 1) for name in ("prompt", "image_url", "tail_image_url"))
        and text("negative_prompt", 0)
        and arguments.get("duration", "5") in ("5", "10")
        and isinstance(scale, int | float)
        and not isinstance(scale, bool)
        and 0 <= scale <= 1
    )
    assert (CHECK(arguments) == []) == documented
