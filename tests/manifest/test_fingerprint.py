"""When two rows ask for the same: what makes another request, and what does not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.manifest.fingerprint import fingerprint
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
