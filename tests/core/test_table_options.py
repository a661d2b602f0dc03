"""Options of a table: what is said holds, what was said before fills the rest, and a note gives them back."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.table_options import TableOptions, read_options

TEXT = st.text(min_size=1, max_size=5)
OPTIONS = st.builds(
    TableOptions,
    mapped=st.dictionaries(st.sampled_from(["prompt", "image", "tail_image"]), TEXT, max_size=3),
    ignored=st.lists(TEXT, max_size=2).map(tuple),
    model=st.none() | TEXT,
    prefix=st.none() | TEXT,
    price=st.none() | TEXT,
    output=st.none() | TEXT,
    encoding=st.none() | TEXT,
    header_row=st.none() | st.integers(1, 99),
    sheet=st.none() | TEXT,
)


@given(OPTIONS)
def test_a_note_gives_the_options_back(options: TableOptions) -> None:
    """Whatever the texts are."""
    assert read_options(options.note) == options


@pytest.mark.parametrize(
    "change",
    [
        {"mapped": []},
        {"mapped": {"image": 1}},
        {"ignored": "Dauer"},
        {"ignored": [None]},
        {"prefix": 1},
        {"output": ["a"]},
        {"header_row": "3"},
        {"header_row": 0},
        {"header_row": True},
        {"model": 1},
        {"sheet": ["Shots"]},
        {"another": 1},
    ],
)
def test_a_note_that_holds_anything_else_is_refused(change: dict[str, object]) -> None:
    """A ledger may come from anywhere."""
    with pytest.raises(ValueError, match="options of a table"):
        read_options(json.dumps({**json.loads(TableOptions().note), **change}))


@pytest.mark.parametrize("note", ["[]", "null", "3", "{"])
def test_what_is_no_note_is_refused(note: str) -> None:
    """Cut off, or of another kind."""
    with pytest.raises(ValueError):
        read_options(note)


def test_an_option_that_an_earlier_version_did_not_have_was_not_said() -> None:
    """A note is read by the versions to come."""
    assert read_options('{"prefix": "k_"}') == TableOptions(prefix="k_")
    assert read_options("{}") == TableOptions()


@given(OPTIONS, OPTIONS)
def test_what_is_said_holds_and_the_rest_is_as_before(said: TableOptions, before: TableOptions) -> None:
    """No column stands twice, and nothing that was said is lost; said again, nothing is left open."""
    rest = said.left_open(before, str)
    now = said.with_(rest)
    assert {**now.mapped, **said.mapped} == now.mapped
    assert {*said.ignored} <= {*now.ignored}
    for name in ("model", "prefix", "price", "output", "encoding", "header_row", "sheet"):
        mine = getattr(said, name)
        assert getattr(now, name) == (getattr(before, name) if mine is None else mine)
    assert not {*rest.mapped.values(), *rest.ignored} & {*said.mapped.values(), *said.ignored}
    assert now.left_open(now, str).typed == []


def test_a_note_of_an_older_version_is_understood() -> None:
    """It knew of no models and no sheets."""
    options = TableOptions(mapped={"image": "Bild"}, price="5=1", header_row=2)
    told = json.loads(options.note)
    del told["model"], told["sheet"]
    assert read_options(json.dumps(told)) == options


def test_another_name_of_the_same_input_takes_its_place() -> None:
    """`image_url` is `image`; other inputs stay."""
    before = TableOptions(mapped={"image": "Bild", "prompt": "Text"}, ignored=("Dauer",))
    said = TableOptions(mapped={"image_url": "Foto", "duration": "Dauer"})
    now = said.with_(said.left_open(before, lambda name: name.removesuffix("_url")))
    assert now == TableOptions(mapped={"prompt": "Text", "image_url": "Foto", "duration": "Dauer"})


def test_options_are_typed_as_the_command_line_takes_them() -> None:
    """Those that were said, and no others."""
    assert TableOptions().typed == []
    said = TableOptions(
        mapped={"image": "Mein Bild"}, ignored=("Dauer",), prefix="k_", price="5=1", output="o.csv", header_row=3
    )
    said = replace(said, model="kling-3.0-pro", sheet="Shots 2")
    assert said.typed == [
        *("--map", "image=Mein Bild", "--ignore", "Dauer", "--model", "kling-3.0-pro", "--prefix", "k_"),
        *("--price", "5=1", "--output", "o.csv", "--header-row", "3", "--sheet", "Shots 2"),
    ]
