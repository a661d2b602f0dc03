"""What somebody may have meant who typed another name."""

from hypothesis import given
from hypothesis import strategies as st

from batch.core.suggestions import close_names, did_you_mean

KNOWN = ["max-spend", "max-spend-total", "limit", "until"]


def test_the_nearest_name_comes_first() -> None:
    """Case, `-` and `_` are no difference."""
    assert close_names("MAX_SPENT", KNOWN)[0] == "max-spend"
    assert did_you_mean("limt", KNOWN) == ": did you mean limit?"


def test_nothing_is_said_of_a_name_that_is_near_to_none() -> None:
    """A wrong guess is worse than none."""
    assert did_you_mean("zzz", KNOWN) == ""


@given(st.lists(st.text(max_size=8), max_size=8), st.text(max_size=8))
def test_only_known_names_are_proposed(known: list[str], name: str) -> None:
    """Whatever was typed."""
    assert set(close_names(name, known)) <= set(known)
