"""When two rows ask for the same: what makes another request, and what does not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.manifest.fingerprint import defaults, fingerprint
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.plans import INPUTS, plan


def test_a_default_written_out_is_the_same_request() -> None:
    """fal fills it in alike."""
    said = plan(duration="5 s", cfg_scale="0,50", negative_prompt="blur, distort, and low quality")
    assert said.fingerprint == plan().fingerprint
    assert said.arguments != plan().arguments


@pytest.mark.parametrize(
    "cells",
    [
        {"prompt": "a boat "},
        {"duration": "10"},
        {"cfg_scale": "0.4"},
        {"image": "https://example.com/b.png"},
        {"tail_image": "https://example.com/a.png"},
        {"negative_prompt": "fog"},
    ],
)
def test_every_input_makes_another_request(cells: dict[str, str]) -> None:
    """Where it differs at all."""
    assert plan(**cells).fingerprint != plan().fingerprint


def test_rewritten_line_ends_make_no_other_request() -> None:
    """Version control and editors change them in a whole file at once: no prompt was edited."""
    assert plan(prompt="a\r\nb\rc").fingerprint == plan(prompt="a\nb\nc").fingerprint


def test_another_endpoint_makes_another_request() -> None:
    """The same words to another model are another purchase."""
    assert fingerprint(JOB, {"prompt": "x"}) != fingerprint(replace(JOB, endpoint="other"), {"prompt": "x"})


inputs = st.dictionaries(st.sampled_from(INPUTS), st.text(max_size=8))


@given(inputs, st.randoms())
def test_a_fingerprint_knows_no_order(identity: dict[str, str], random: object) -> None:
    """Columns may be moved about in the sheet."""
    items = list(identity.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert fingerprint(JOB, dict(items)) == fingerprint(JOB, identity)


def test_every_input_has_fals_own_value_where_none_is_given() -> None:
    """None where fal has none: an input that is added to the schema changes what an empty cell stands for."""
    assert defaults(JOB) == {
        "prompt": None,
        "image_url": None,
        "duration": "5",
        "negative_prompt": "blur, distort, and low quality",
        "cfg_scale": 0.5,
        "tail_image_url": None,
    }


@given(inputs)
def test_defaults_that_are_at_hand_change_nothing(identity: dict[str, str]) -> None:
    """They only save the work; 16 bytes either way."""
    found = fingerprint(JOB, identity, defaults(JOB))
    assert found == fingerprint(JOB, identity)
    assert len(found) == 16
    assert fingerprint(JOB, identity, {"another": 1}) != found


def test_a_text_that_is_no_text_has_a_fingerprint_too() -> None:
    """Half of a pair of code units, as a bad table gives it: it is refused later, with its row."""
    assert fingerprint(JOB, {"prompt": "\ud800"}) != fingerprint(JOB, {"prompt": "\udc00"})


@given(inputs, inputs)
def test_two_fingerprints_are_equal_for_equal_requests_only(one: dict[str, str], two: dict[str, str]) -> None:
    """With fal's defaults filled in and every line end the same."""

    def asked(identity: dict[str, str]) -> dict[str, object]:
        said = {name: text.replace("\r\n", "\n").replace("\r", "\n") for name, text in identity.items()}
        return {**defaults(JOB), **said}

    assert (fingerprint(JOB, one) == fingerprint(JOB, two)) == (asked(one) == asked(two))


def test_a_fingerprint_is_the_same_in_every_version() -> None:
    """It is in the ledgers of all that was bought: another one for the same words buys everything again."""
    known = fingerprint(JOB, {"prompt": "a boat", "image_url": "https://example.com/a.png"})
    assert known.hex() == "2012c8bf4a833670136d7bdbb6cac68b"
