"""What a person writes into a cell, and the value that it means."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.manifest.columns import find_columns
from batch.manifest.image_references import LocalPath, WebUrl, parse_reference
from batch.manifest.planner import ImageCheck, Planner
from batch.manifest.validation import checker
from batch.manifest.values import bare, choice, excerpt, number, shortened, unprintable, value_of
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.plans import INPUTS, Line, plan, problem


@pytest.mark.parametrize(
    "text",
    [
        "5",
        "5.0",
        '"5 s"',
        "5s",
        "5,0",
        " 5 ",
        "5 sec",
        "5\u00a0s",
        "5 Seconds",
        "'5'",
        "05",
        *("5 sec.", "5 Sek.", "5s.", "5 Sekunden", "5 secondes", "5 segundos", "5 seg.", "5 secondi", "5\u202fs"),
    ],
)
def test_every_way_of_writing_five_seconds_means_five(text: str) -> None:
    """Whatever the spreadsheet made of it, fal is sent its own word for it."""
    found = plan(duration=text)
    assert found.arguments is not None
    assert found.arguments["duration"] == "5"
    assert found.price == 490_000


@pytest.mark.parametrize(
    "text", ["10", "10 s", "10.0", "10,00", "10s", "10 Sek.", "10 Sekunden", "10 secondes", "10 segundos"]
)
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


# Numbers


def written(value: Decimal, comma: bool) -> str:
    text = f"{value:f}"
    return text.replace(".", ",") if comma else text


decimals = st.decimals(-1000, 1000, places=3)


@given(decimals, st.booleans(), st.sampled_from(["", " ", "\t"]))
def test_a_plain_number_is_read_exactly(value: Decimal, comma: bool, around: str) -> None:
    """With a point or a comma, whatever space stands around it."""
    assert number(f"{around}{written(value, comma)}{around}") == value


@given(st.text(max_size=8) | st.text("0123456789.,+-eE_ ", max_size=8))
def test_any_text_is_a_plain_number_or_none(text: str) -> None:
    """No exponent, no infinity, no digit of another script: what is read is what a person sees."""
    found = number(text)
    if found is not None:
        assert found.is_finite()
        assert set(text.strip()) <= set("+-.,0123456789")


@pytest.mark.parametrize("text", ["", " ", "1.000,5", "1,000,000", "1_0", "1e1", "--1", "1-", ".", "-"])
def test_what_could_be_read_in_two_ways_is_no_number(text: str) -> None:
    """Nothing is guessed."""
    assert number(text) is None


# Choices


options = st.lists(st.integers(0, 99).map(str), min_size=1, max_size=4, unique=True)


@given(st.text(max_size=10) | st.text("0123456789 .,s'\"", max_size=6), options)
def test_a_choice_is_an_option_or_the_text_as_it_stands(text: str, choices: list[str]) -> None:
    """For the schema to refuse: no third value is ever made up."""
    assert choice(text, choices, ("s", "sec")) in {*choices, text}


@given(options, st.data(), st.sampled_from(["", "s", " sec", "SEC", " s "]), st.sampled_from(["", '"', "'"]))
def test_every_option_is_found_with_any_unit_and_in_quotes(
    choices: list[str], data: st.DataObject, unit: str, quote: str
) -> None:
    """And it is that option, whatever others there are."""
    meant = data.draw(st.sampled_from(choices))
    assert choice(f"{quote}{meant}{unit}{quote}", choices, ("s", "sec")) == meant


def test_the_longer_of_two_units_is_taken_off() -> None:
    """`5 secs` is not `5 sec` of an unknown unit; and a unit is taken off once."""
    assert choice("5 secs", ["5"], ("s", "sec", "secs")) == "5"
    assert choice("5 sec s", ["5"], ("s", "sec")) == "5 sec s"
    assert choice("5 h", ["5"], ("s",)) == "5 h"


@given(st.text(max_size=8) | st.from_regex(r"\s*(5|10|0[.,]5) ?(s|Sek\.|secondes)?\s*", fullmatch=True))
def test_a_value_that_is_read_once_more_is_the_same(text: str) -> None:
    """So what was judged is what is sent, however often it is read."""
    for name in INPUTS:
        value = value_of(JOB, name, text)
        if isinstance(value, str):
            assert value_of(JOB, name, value) == value


around = st.text(st.sampled_from(" \t\n\u00a0\u200e\u200f\u202a\u202c\ufeff"), max_size=5)


@given(around, st.sampled_from(["https://x.y/a.png", "images/a.png", "C:\\a b.png", "a"]) | st.text(max_size=5), around)
def test_an_image_is_judged_as_it_is_sent(before: str, text: str, after: str) -> None:
    """Blanks and invisible marks around it are taken off once, for both."""
    sent = value_of(JOB, "image_url", before + text + after)
    assert sent == value_of(JOB, "image_url", sent) == bare(sent)
    match parse_reference(before + text + after):
        case WebUrl(judged) | LocalPath(judged):
            assert judged == sent


# Values


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("prompt", " 5 ", " 5 "),
        ("image_url", " a.png\n", "a.png"),
        ("duration", "5,0 s", "5"),
        ("duration", " 7 ", " 7 "),
        ("cfg_scale", " 0,5 ", 0.5),
        ("cfg_scale", " half ", " half "),
    ],
)
def test_each_input_is_read_by_its_own_rules(name: str, text: str, value: object) -> None:
    """A prompt as it stands, an image without space around it, a choice as its option, a number as one."""
    found = value_of(JOB, name, text)
    assert (found, type(found)) == (value, type(value))


# Broken texts


@given(st.text(max_size=20))
def test_a_text_that_was_typed_is_not_called_broken(text: str) -> None:
    """Only control characters and halves of emoji are; tabs and line ends are typed."""
    broken = [at for at, c in enumerate(text, 1) if (c < " " and c not in "\t\n\r")]
    found = unprintable(text)
    assert (found is None) == (not broken)
    if broken:
        assert found is not None
        assert f"at position {broken[0]}:" in found


@pytest.mark.parametrize(
    ("code", "said"),
    [(0x1F, "(U+001F)"), (0x20, None), (0xD7FF, None), (0xD800, "(U+D800)"), (0xDFFF, "(U+DFFF)"), (0xE000, None)],
)
def test_what_is_broken_ends_exactly_where_characters_begin(code: int, said: str | None) -> None:
    """On both sides of the control characters and of the halves."""
    found = unprintable(chr(code))
    assert (found is None) if said is None else (found is not None and said in found)


@pytest.mark.parametrize(("length", "shown"), [(40, "x" * 40), (41, "x" * 37 + "…")])
def test_a_long_cell_is_cut_for_a_message(length: int, shown: str) -> None:
    """Forty characters are quoted whole."""
    assert shortened(" " + "x" * length) == repr(shown)


def test_of_a_long_path_the_end_is_shown() -> None:
    """It tells it from its neighbours."""
    path = f"/Volumes/Film/{'x' * 90}/kite.jpg"
    assert excerpt(" images/kite.jpg ") == "'images/kite.jpg'"
    assert excerpt('"C:\\a\nb"') == "'\"C:\\a\\u000ab\"'"
    assert excerpt(path).startswith("'/Volumes/Film/xxxxxx…")
    assert excerpt(path).endswith("xxx/kite.jpg'")
    assert len(excerpt(path)) == 61


OTHER = replace(
    JOB,
    schema={
        "type": "object",
        "required": [],
        "properties": {
            "seconds": {"type": "integer", "minimum": 1, "maximum": 9},
            "shape": {"type": "string", "enum": ["16:9", "9:16"]},
            "size": {"type": "integer", "enum": [480, 720]},
            "sound": {"type": "boolean"},
            "length": {"type": "string", "enum": ["4s", "6s", "8s"]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "image_urls": {"type": "array", "items": {"type": "string"}},
            "box": {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}},
        },
    },
    columns={name: (name,) for name in ("seconds", "shape", "size", "sound", "tags", "image_urls", "box", "length")},
    images=("image_urls",),
    units={},
    price_by="",
    prices={"": 1},
)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("seconds", "5,0", 5),
        ("seconds", "5.5", "5.5"),
        ("shape", " 16:9 ", "16:9"),
        ("size", "720.0", 720),
        ("size", "600", "600"),
        *[("sound", text, True) for text in ("TRUE", "yes", "1", "Wahr", "ja")],
        *[("sound", text, False) for text in ("FALSE", "no", "0", "falsch")],
        ("sound", "loud", "loud"),
        *[("length", text, "6s") for text in ("6", "6.0", "6 s", "6S", "6s")],
        *[("length", text, text) for text in ("7", "6m", "s")],
        ("tags", "a; b ;;", ["a", "b"]),
        ("tags", '["a;b"]', ["a;b"]),
        ("image_urls", "'a.png'; https://x.y/b.png", ["a.png", "https://x.y/b.png"]),
        ("box", '{"x": 1}', {"x": 1}),
        ("box", "{x}", "{x}"),
    ],
)
def test_values_of_every_type_are_read(name: str, text: str, value: object) -> None:
    """What cannot be one is given back as it stands, for the schema to refuse."""
    found = value_of(OTHER, name, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("seconds", "10", "'10' is not a whole number from 1 to 9: write one, like 1"),
        ("seconds", "soon", "'soon' is not a whole number from 1 to 9: write one, like 1"),
        ("shape", "4:3", "'4:3' is not 16:9 or 9:16: write one of them"),
        ("size", "600", "'600' is not 480 or 720: write one of them"),
        ("sound", "loud", "'loud' is neither true nor false: write one of them"),
        ("box", "x", """'x' is no JSON of the kind that belongs here: write it like {"name": "value"}"""),
        ("box", '{"x": "1"}', None),
        ("box", "{}", None),
    ],
)
def test_what_breaks_a_rule_is_told_with_a_remedy(name: str, text: str, message: str | None) -> None:
    """In the column that it stands in, also where the fault is deep in it."""
    columns = find_columns([name], OTHER, {}, {})
    planner = Planner(job=OTHER, columns=columns, prices=OTHER.prices, check=checker(OTHER.schema), look=ImageCheck)
    (found,) = planner.plan([Line(2, [text])])
    (told,) = found.problems
    assert told.column == name
    assert message is None or told.message == message


def test_a_list_of_images_is_known_by_each_of_them() -> None:
    """One of them missing is told by its own name; what is sent is a list."""
    columns = find_columns(["image_urls"], OTHER, {}, {})

    def look(cell: str) -> ImageCheck:
        return ImageCheck(f"sha256:{cell}", "does not exist" if "gone" in cell else None)

    planner = Planner(job=OTHER, columns=columns, prices=OTHER.prices, check=checker(OTHER.schema), look=look)
    one, two, three = planner.plan([Line(2, ["a.png;b.png"]), Line(3, ["b.png;a.png"]), Line(4, ["a.png;gone.png"])])
    assert (one.arguments or {})["image_urls"] == ["a.png", "b.png"]
    assert one.fingerprint != two.fingerprint
    assert [problem.message for problem in three.problems] == ["'gone.png' does not exist"]


def test_what_stands_in_a_column_of_another_model_is_a_problem() -> None:
    """With what to do; an empty cell is none."""
    job = replace(OTHER, refused={"tail_image": "is not taken by this model: empty the cell"})
    columns = find_columns(["tags", "Tail Image"], job, {}, {})
    assert columns.positions == {0, 1}
    planner = Planner(job=job, columns=columns, prices=job.prices, check=checker(job.schema), look=ImageCheck)
    one, two = planner.plan([Line(2, ["a", ""]), Line(3, ["a", "b.png"])])
    assert not one.problems
    (told,) = two.problems
    assert (told.column, told.message) == ("Tail Image", "'b.png' is not taken by this model: empty the cell")
