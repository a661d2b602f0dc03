"""What a person writes into a cell, and the value that it means."""

import pytest

from tests.support.plans import plan, problem


@pytest.mark.parametrize(
    "text", ["5", "5.0", '"5 s"', "5s", "5,0", " 5 ", "5 sec", "5\u00a0s", "5 Seconds", "'5'", "05"]
)
def test_every_way_of_writing_five_seconds_means_five(text: str) -> None:
    """Whatever the spreadsheet made of it, fal is sent its own word for it."""
    found = plan(duration=text)
    assert found.arguments is not None
    assert found.arguments["duration"] == "5"
    assert found.price == 490_000


@pytest.mark.parametrize("text", ["10", "10 s", "10.0", "10,00", "10s"])
def test_every_way_of_writing_ten_seconds_means_ten(text: str) -> None:
    """And costs what ten seconds cost."""
    found = plan(duration=text)
    assert found.arguments is not None
    assert found.arguments["duration"] == "10"
    assert found.price == 980_000


@pytest.mark.parametrize(("text", "value"), [("0,5", 0.5), ("0.5", 0.5), ("1", 1.0), ("0", 0.0), (" .25 ", 0.25)])
def test_a_number_has_a_point_or_a_comma(text: str, value: float) -> None:
    """As it is written where the sheet comes from."""
    assert (plan(cfg_scale=text).arguments or {})["cfg_scale"] == value


def test_a_prompt_is_sent_as_it_stands() -> None:
    """Spaces, line breaks and quotes are the author's."""
    text = ' He said "go",\n\tthen 🚣 '
    assert (plan(prompt=text).arguments or {})["prompt"] == text


def test_an_image_is_sent_without_the_spaces_around_it() -> None:
    """They come with copied cells."""
    assert (plan(image=" https://example.com/a.png\n").arguments or {})["image_url"] == "https://example.com/a.png"


@pytest.mark.parametrize(("text", "name"), [("a\0b", "NUL"), ("a\x07b", "U+0007"), ("a\ud83db", "U+D83D")])
def test_a_broken_character_is_a_problem_with_its_position(text: str, name: str) -> None:
    """Nobody would know what was asked of the model."""
    column, message = problem(prompt=text)
    assert column == "prompt"
    assert f"({name}) at position 2" in message
