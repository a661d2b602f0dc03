"""Names of files from whatever stands in cells: in the folder, on every file system, and never two the same by case."""

import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.downloads.file_names import MOST_BYTES, NameTemplate, finished, fit, name_key, safe, slug
from batch.errors import UsageError

REQUEST = "764cabcf-b745-4b3e-ae38-1200304cf45b"


def named(template: str, row: int = 17, take: int = 1, **values: str) -> str:
    """The name of a row's file."""
    read = NameTemplate.read(template)
    given = {"id": "s17", "prompt": "A Boat drifts, slowly!", "duration": "5"} | values
    return finished(read.plan(given.__getitem__, row, {"Shot": values.get("shot", "sc 010")}), REQUEST, take)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{id}_{row:04}.mp4", "s17_0017.mp4"),
        ("{id}", "s17.mp4"),
        ("{id}.MP4", "s17.mp4"),
        ("{row}", "17.mp4"),
        ("{prompt}-{duration}s", "a-boat-drifts-slowly-5s.mp4"),
        ("{request_id}", f"{REQUEST}.mp4"),
        ("{column:Shot} take {take}", "sc 010 take 1.mp4"),
        ("{{x}}_{id}", "{x}_s17.mp4"),
    ],
)
def test_a_template_is_filled_in(template: str, name: str) -> None:
    """With what the row has; the suffix may be said or not."""
    assert named(template) == name


@pytest.mark.parametrize(
    "template",
    [
        *(
            "",
            " ",
            ".mp4",
            "{",
            "}",
            "{id",
            "{nope}",
            "{}",
            "{0}",
            "{id!r}",
            "{id:04}",
            "{row:x}",
            "{row:099}",
            "{column}",
        ),
        *("a/{id}", "..\\{id}", "{id}:x", "{id}\n{row}", "{row:{id}}"),
    ],
)
def test_a_template_that_cannot_be_meant_is_refused(template: str) -> None:
    """Before anything is begun."""
    with pytest.raises(UsageError, match="--name"):
        NameTemplate.read(template)


HOSTILE = [
    *("../../etc/passwd", "..", ".", "", "   ", "/", "\\", "C:\\Windows\\system32", "a/b/c", "~root", "-rf", "--help"),
    *(
        "con",
        "CON",
        "nul.txt",
        "Com1",
        "LPT9.tar.gz",
        "aux ",
        "prn.",
        "COM¹",
        "conin$",
        "a.",
        "a ",
        "...",
        ". .",
        ".hidden",
    ),
    *(
        "a\0b",
        "a\nb\rc\td",
        "\x1b[31mred",
        "\u202egnp.exe",
        "\ufeffx",
        "\ue000\ue001",
        "a" * 5000,
        "ü" * 300,
        "😀" * 99,
    ),
    *("e\u0301", "é", "ﬁ", '<>:"|?*', "$(rm -rf ~)", "`id`", "'; DROP TABLE", "%2e%2e%2f", "файл", "動画"),
    "\ud800",
]


@pytest.mark.parametrize("cell", HOSTILE)
@pytest.mark.parametrize("template", ["{id}", "{column:Shot}", "{id}{request_id}", "{prompt}"])
def test_a_hostile_cell_stays_in_the_folder(template: str, cell: str) -> None:
    """And its file can be made on Windows, macOS and Linux."""
    assert_safe(named(template, id=cell, shot=cell, prompt=cell))


@given(st.text(max_size=300), st.sampled_from(["{id}", "{id}.{id}", "{take}{id}", "{column:Shot}_{row:04}_{prompt}"]))
def test_any_cell_makes_a_name_that_every_file_system_takes(cell: str, template: str) -> None:
    """Whatever it holds."""
    name = named(template, id=cell, shot=cell, prompt=cell)
    assert_safe(name)
    assert name_key(name) == name_key(unicodedata.normalize("NFD", name).upper().lower()) or not name.isascii()


def assert_safe(name: str) -> None:
    assert PurePosixPath(name).name == name
    assert PureWindowsPath(name).name == name
    assert not PureWindowsPath(name).is_reserved()
    assert len(name.encode()) <= MOST_BYTES + 10
    assert name.endswith(".mp4")
    assert name == unicodedata.normalize("NFC", name)
    stem = name.removesuffix(".mp4")
    assert stem
    assert stem[0] not in " .-~"
    assert stem[-1] not in " ."
    assert not set(name) & set('<>:"/\\|?*')
    assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co") for char in name)


def test_names_that_differ_in_case_or_form_are_one() -> None:
    """On a Mac and on Windows they would be one file."""
    assert name_key("Shot.mp4") == name_key("SHOT.MP4")
    assert name_key("caf\u00e9") == name_key("cafe\u0301")
    assert name_key("a") != name_key("b")


def test_where_a_name_is_anothers_a_number_tells_them_apart() -> None:
    """Counted from the second."""
    assert [finished("boat", REQUEST, 1, nth) for nth in (1, 2, 10)] == ["boat.mp4", "boat_2.mp4", "boat_10.mp4"]


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("A red kite climbs", "a-red-kite-climbs"),
        ("  ", ""),
        ("Überall Schnee & Eis", "überall-schnee-eis"),
        ("x" * 90, "x" * 48),
        ("word " * 40, "word-word-word-word-word-word-word-word-word"),
    ],
)
def test_a_prompt_gives_its_first_words(text: str, short: str) -> None:
    """None of them cut in two, but one that is too long by itself."""
    assert slug(text) == short


def test_what_is_fit_already_stays_as_it_is() -> None:
    """A studio's own names come through."""
    for name in ("sc010_sh0020_v003", "Boot am Kanal", "s17 (b)", "动画-3"):
        assert safe(fit(name)) == name
