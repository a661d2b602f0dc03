"""From cells to requests: every problem with its row, column and remedy."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.manifest.columns import Columns
from batch.manifest.loader import Manifest
from batch.manifest.planner import Planner
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.plans import CHECK, INPUTS, Line, plan, plans, problem


@pytest.mark.parametrize("text", ["7", "five", "5 m", "NaN", "1e1", "-5", "5.5", "5 s s", "s", "5;0", "∞", "٥"])
def test_a_duration_that_means_neither_is_a_problem_with_its_remedy(text: str) -> None:
    """Nothing is guessed where it would be paid for; the message quotes the cell and says what to write."""
    (found,) = plan(duration=text).problems
    assert str(found) == f"row 2, column duration: {text!r} is not 5 or 10: write one of them"


@pytest.mark.parametrize("text", ["1.5", "-0,1", "half", "NaN", "inf", "1e-1", "9" * 400, "1.000,5"])
def test_a_number_outside_its_range_is_a_problem_with_its_remedy(text: str) -> None:
    """Also one that no float holds."""
    column, message = problem(cfg_scale=text)
    assert column == "cfg_scale"
    assert message.endswith("is not a number from 0 to 1: write one, like 0.5")


def test_only_what_the_row_gives_is_sent() -> None:
    """An empty cell leaves the default to fal."""
    assert plan(duration=" ", negative_prompt="", cfg_scale="").arguments == {
        "prompt": "a boat",
        "image_url": "https://example.com/a.png",
    }


# Problems


def test_a_prompt_that_is_too_long_says_how_long_it_is() -> None:
    """And how long it may be."""
    assert problem(prompt="x" * 3000) == ("prompt", "has 3,000 characters: shorten it to 2,500")


def test_a_prompt_of_the_longest_length_is_fine() -> None:
    """Counted in characters, not in bytes."""
    assert not plan(prompt="é🚣" * 1250).problems


def test_a_row_without_its_image_says_so() -> None:
    """By the name of the column that is there."""
    assert problem(image=" ") == ("image", "is empty: a row needs an image here")


def test_every_problem_of_a_row_is_told_at_once() -> None:
    """None hides behind another, and a row with problems has no request."""
    found = plan(prompt="", image="", duration="7", cfg_scale="x")
    assert {one.column for one in found.problems} == {"prompt", "image", "duration", "cfg_scale"}
    assert (found.arguments, found.fingerprint, found.price) == (None, None, None)


# Rows


def test_rows_without_any_input_are_left_out() -> None:
    """Blank lines between scenes are the user's layout; a row with an id alone is a row that lacks everything."""
    header = ["prompt", "image", "id", "notes"]
    found = plans(header, ["", " ", "", "Scene 1"], ["boat", "https://x.y/a", "", ""], [], ["", "", "s3", ""])
    assert [(one.place, one.number, one.id) for one in found] == [(1, 3, ""), (3, 5, "s3")]


def test_a_value_in_our_columns_beside_no_shot_is_not_left_out() -> None:
    """A sum below the prices would be overwritten unseen; what we wrote ourselves there is no such thing."""
    header, own = ["prompt", "image", "status", "cost_usd"], ["status", "cost_usd"]
    found = plans(header, ["", "", "", "=SUM(D2:D9)"], ["", "", "failed", "0.49"], own=own)
    assert [(one.number, one.own) for one in found] == [(2, {"cost_usd": "=SUM(D2:D9)"})]


soup = st.one_of(
    st.text(st.characters(exclude_categories=[]), max_size=12),
    st.text("0123456789.,+-eE \"'s\u00a0\0", max_size=12),
    st.sampled_from(
        ["5", "10", "https://example.com/a.png", "NaN", "x" * 2501, "data:image/png;base64,AAAA", "9" * 500]
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(soup, min_size=len(INPUTS), max_size=len(INPUTS)), max_size=3))
def test_any_cells_are_planned_or_have_problems(records: list[list[str]]) -> None:
    """Total: no text whatever raises; a plan has a request, or problems with row, column and words, never both."""
    columns = Columns({name: at for at, name in enumerate(INPUTS)}, {name: name for name in INPUTS}, None, {})
    manifest = Manifest(path=Path("/nowhere/shots.csv"), job=JOB, prices=JOB.prices)
    planner = Planner(job=JOB, columns=columns, prices=JOB.prices, check=CHECK, look=manifest._look)
    for found in planner.plan(Line(number, cells) for number, cells in enumerate(records, 2)):
        assert (found.arguments is None) == bool(found.problems)
        assert all(one.number == found.number and one.column in INPUTS and one.message for one in found.problems)
        if found.arguments is not None:
            assert not CHECK(found.arguments)
            assert found.fingerprint
            assert found.price in JOB.prices.values()
