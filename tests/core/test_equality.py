"""When two requests ask for the same."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from batch.core.equality import Equality

DEFAULTS = {"prompt": None, "image_url": None, "duration": "5", "cfg_scale": 0.5}
EQUALITY = Equality(DEFAULTS, "an/endpoint")
SHOT = {"prompt": "Ünder the sea", "image_url": "https://example.com/a.png"}


def test_what_is_not_given_is_fals_default() -> None:
    assert EQUALITY.same(SHOT, {**SHOT, "duration": "5", "cfg_scale": 0.5})
    assert not EQUALITY.same(SHOT, {**SHOT, "duration": "10"})
    assert not EQUALITY.same(SHOT, None)


def test_numbers_unicode_forms_and_line_ends_are_one() -> None:
    assert EQUALITY.same({**SHOT, "cfg_scale": 1}, {**SHOT, "cfg_scale": 1.0})
    assert EQUALITY.same(SHOT, {**SHOT, "prompt": unicodedata.normalize("NFD", SHOT["prompt"])})
    assert EQUALITY.same({**SHOT, "prompt": "a\r\nb"}, {**SHOT, "prompt": "a\nb"})
    assert EQUALITY.same({**SHOT, "prompt": "a\rb"}, {**SHOT, "prompt": "a\nb"})
    assert not EQUALITY.same({**SHOT, "cfg_scale": True}, {**SHOT, "cfg_scale": 1})


def test_what_the_job_does_not_know_tells_nothing() -> None:
    assert EQUALITY.same(SHOT, {**SHOT, "fal_added": 7})
    assert not Equality({}).same(SHOT, {**SHOT, "fal_added": 7})


def test_another_endpoint_is_another_request() -> None:
    assert EQUALITY.digest(SHOT) == EQUALITY.digest({**SHOT, "duration": "5"})
    assert EQUALITY.digest(SHOT) != Equality(DEFAULTS, "another").digest(SHOT)


@given(st.dictionaries(st.sampled_from(sorted(DEFAULTS)), st.text() | st.floats(allow_nan=False) | st.booleans()))
def test_a_digest_is_equal_where_the_form_is(arguments: dict[str, object]) -> None:
    other = dict(reversed(arguments.items()))
    assert EQUALITY.form(arguments) == EQUALITY.form(other)
    assert EQUALITY.digest(arguments) == EQUALITY.digest(other)


def test_a_digest_stays_the_same_from_version_to_version() -> None:
    """The account's book keeps it for good: another one, and what was bought before would not be known again."""
    assert EQUALITY.digest(SHOT).hex() == "16fdf421b2e06730a66c431b313c1154"
    assert EQUALITY.endpoint_digest.hex() == "152d6e806b940be8"


@given(st.lists(st.text()) | st.dictionaries(st.text(), st.integers()))
def test_what_is_neither_a_text_nor_a_number_is_compared_as_it_is(value: object) -> None:
    """Nothing of that kind is an error."""
    assert EQUALITY.same({**SHOT, "prompt": value}, {**SHOT, "prompt": value})
    assert not EQUALITY.same({**SHOT, "prompt": value}, SHOT)
