"""From cells to requests: what a person means, and every problem with its row, column and remedy."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from batch.core.money import dollars
from batch.core.row import PlannedRow
from batch.errors import BatchError, ManifestError, UsageError
from batch.manifest.columns import Columns, find_columns
from batch.manifest.fingerprint import fingerprint
from batch.manifest.loader import Manifest
from batch.manifest.planner import ImageCheck, Planner
from batch.manifest.validation import checker
from jobs.kling import KLING_2_1_PRO as JOB

CHECK = checker(JOB.schema)
INPUTS = tuple(JOB.schema["properties"])


@dataclass(frozen=True)
class Line:
    """A record of a table."""

    number: int
    cells: Sequence[str]


def plans(header: Sequence[str], *records: Sequence[str], own: Sequence[str] = ()) -> list[PlannedRow]:
    columns = find_columns(header, JOB, {}, {name: name for name in own})
    planner = Planner(job=JOB, columns=columns, prices=JOB.prices, check=CHECK, look=ImageCheck)
    return list(planner.plan(Line(number, cells) for number, cells in enumerate(records, 2)))


def plan(**cells: str) -> PlannedRow:
    """One row with a prompt and an image, and these cells."""
    given = {"prompt": "a boat", "image": "https://example.com/a.png", **cells}
    (found,) = plans(list(given), list(given.values()))
    return found


def problem(**cells: str) -> tuple[str, str]:
    """The column and message of the only problem."""
    (found,) = plan(**cells).problems
    return found.column, found.message


# What a person writes


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


@pytest.mark.parametrize("text", ["7", "five", "5 m", "NaN", "1e1", "-5", "5.5", "5 s s", "s", "5;0", "∞", "٥"])
def test_a_duration_that_means_neither_is_a_problem_with_its_remedy(text: str) -> None:
    """Nothing is guessed where it would be paid for; the message quotes the cell and says what to write."""
    (found,) = plan(duration=text).problems
    assert str(found) == f"row 2, column duration: {text!r} is not 5 or 10: write one of them"


@pytest.mark.parametrize(("text", "value"), [("0,5", 0.5), ("0.5", 0.5), ("1", 1.0), ("0", 0.0), (" .25 ", 0.25)])
def test_a_number_has_a_point_or_a_comma(text: str, value: float) -> None:
    """As it is written where the sheet comes from."""
    assert (plan(cfg_scale=text).arguments or {})["cfg_scale"] == value


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


def test_a_prompt_is_sent_as_it_stands() -> None:
    """Spaces, line breaks and quotes are the author's."""
    text = ' He said "go",\n\tthen 🚣 '
    assert (plan(prompt=text).arguments or {})["prompt"] == text


def test_an_image_is_sent_without_the_spaces_around_it() -> None:
    """They come with copied cells."""
    assert (plan(image=" https://example.com/a.png\n").arguments or {})["image_url"] == "https://example.com/a.png"


@pytest.mark.parametrize(
    ("micros", "text"), [(490_000, "$0.49"), (0, "$0.00"), (1_234_500_000, "$1,234.50"), (1, "$0.000001")]
)
def test_money_is_shown_in_dollars_and_cents(micros: int, text: str) -> None:
    """With fractions of a cent only where there are some."""
    assert dollars(micros) == text


# Problems


def test_a_prompt_that_is_too_long_says_how_long_it_is() -> None:
    """And how long it may be."""
    assert problem(prompt="x" * 3000) == ("prompt", "has 3,000 characters: shorten it to 2,500")


def test_a_prompt_of_the_longest_length_is_fine() -> None:
    """Counted in characters, not in bytes."""
    assert not plan(prompt="é🚣" * 1250).problems


@pytest.mark.parametrize(("text", "name"), [("a\0b", "NUL"), ("a\x07b", "U+0007"), ("a\ud83db", "U+D83D")])
def test_a_broken_character_is_a_problem_with_its_position(text: str, name: str) -> None:
    """Nobody would know what was asked of the model."""
    column, message = problem(prompt=text)
    assert column == "prompt"
    assert f"({name}) at position 2" in message


def test_a_row_without_its_image_says_so() -> None:
    """By the name of the column that is there."""
    assert problem(image=" ") == ("image", "is empty: a row needs an image here")


def test_every_problem_of_a_row_is_told_at_once() -> None:
    """None hides behind another, and a row with problems has no request."""
    found = plan(prompt="", image="", duration="7", cfg_scale="x")
    assert {one.column for one in found.problems} == {"prompt", "image", "duration", "cfg_scale"}
    assert (found.arguments, found.fingerprint, found.price) == (None, None, None)


def test_a_missing_image_file_is_a_problem_of_its_cell(tmp_path: Path) -> None:
    """Found before anything is spent."""
    table = tmp_path / "shots.csv"
    table.write_text("prompt,Image\nboat,lost.png\n")
    manifest = Manifest(path=table, job=JOB, prices=JOB.prices)
    (found,) = manifest.plan(manifest.open())
    assert str(found.problems[0]).startswith("row 2, column Image: no such file")


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


# Columns


@pytest.mark.parametrize(
    "header",
    [
        ["Prompt", "IMAGE"],
        ["prompt", "image_url"],
        [" prompt ", "Image URL"],
        ["pro_mpt", "image-url"],
        ["ＰＲＯＭＰＴ", "imageUrl"],
    ],
)
def test_columns_are_found_whatever_their_case_and_dashes(header: list[str]) -> None:
    """A person's header is understood."""
    assert find_columns(header, JOB, {}, {}).inputs == {"prompt": 0, "image_url": 1}


@pytest.mark.parametrize("name", ["tail_image", "tail_image_url", "tail-image", "Tail Image"])
def test_the_tail_image_goes_by_all_its_names(name: str) -> None:
    """Those of the manifest, and fal's own."""
    assert find_columns(["prompt", "image", name], JOB, {}, {}).inputs["tail_image_url"] == 2


def test_two_columns_for_one_input_are_refused_by_name() -> None:
    """Which of them is meant is not guessed."""
    with pytest.raises(
        ManifestError, match=r"'image' \(column 2\) and 'Image_URL' \(column 3\) both mean image: .*--map"
    ):
        find_columns(["prompt", "image", "Image_URL"], JOB, {}, {})


def test_two_columns_of_one_name_are_refused_also_where_the_name_is_mapped() -> None:
    """`--map` cannot say which of them is meant."""
    with pytest.raises(ManifestError, match="more than one column 'prompt'"):
        find_columns(["prompt", "image", "prompt"], JOB, {"prompt": "prompt"}, {})


def test_a_mapping_says_which_column_is_meant() -> None:
    """By the column's own name, or by one like it; the input by any name of it."""
    header = ["Text", "Startbild", "image"]
    assert find_columns(header, JOB, {"prompt": "text", "Image URL": "Startbild"}, {}).inputs == {
        "prompt": 0,
        "image_url": 1,
    }


@pytest.mark.parametrize(
    ("mapped", "said"),
    [
        ({"sound": "Ton"}, "there is no input 'sound'; known are: prompt, image"),
        ({"image": "Bild"}, "no column 'Bild'"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(mapped: dict[str, str], said: str) -> None:
    """With what there is to choose from."""
    with pytest.raises(UsageError, match=said):
        find_columns(["prompt", "image"], JOB, mapped, {})


def test_missing_columns_are_named_with_those_that_are_there() -> None:
    """And with the two ways to mend it."""
    with pytest.raises(ManifestError) as caught:
        find_columns(["Text", "Bild"], JOB, {}, {})
    text = str(caught.value)
    assert "no column for prompt and no column for image" in text
    assert "'Text', 'Bild'" in text
    assert "--map prompt=COLUMN" in text


def test_an_input_that_goes_by_the_name_of_a_result_is_refused(tmp_path: Path) -> None:
    """It would be overwritten."""
    table = tmp_path / "shots.csv"
    table.write_text("prompt,image,status\nboat,https://x.y/a,https://x.y/b\n")
    manifest = Manifest(path=table, job=JOB, prices=JOB.prices, mapped={"tail_image": "status"})
    with pytest.raises(ManifestError, match=r"'status' is an input.*--prefix"):
        manifest.columns(manifest.open())


@given(
    st.lists(st.text(max_size=12), max_size=8), st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=2)
)
def test_any_header_is_understood_or_refused(header: list[str], mapped: dict[str, str]) -> None:
    """Nothing else comes out of it, and what is understood lies within the table."""
    try:
        found = find_columns(header, JOB, mapped, {"status": "status"})
    except BatchError:
        return
    assert set(found.inputs.values()) <= set(range(len(header)))


# Fingerprints


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


def test_a_local_image_counts_by_its_bytes(tmp_path: Path) -> None:
    """Renaming or moving it buys nothing; another picture under the same name is another request."""
    (tmp_path / "sub").mkdir()
    for name, shade in [("a.png", 1), ("sub/b.png", 1), ("c.png", 2)]:
        Pillow.new("L", (400, 400), shade).save(tmp_path / name)
    table = tmp_path / "shots.csv"
    table.write_text("prompt,image\nx,a.png\nx,sub/b.png\nx,c.png\n")
    manifest = Manifest(path=table, job=JOB, prices=JOB.prices)
    first, moved, other = (one.fingerprint for one in manifest.plan(manifest.open()))
    assert first == moved != other


inputs = st.dictionaries(st.sampled_from(INPUTS), st.text(max_size=8))


@given(inputs, st.randoms())
def test_a_fingerprint_knows_no_order(identity: dict[str, str], random: object) -> None:
    """Columns may be moved about in the sheet."""
    items = list(identity.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert fingerprint(JOB, dict(items)) == fingerprint(JOB, identity)


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
