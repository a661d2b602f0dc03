"""Settings files and variables: what may stand in them, and what is refused with its place and a remedy."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.cli import settings_files as settings
from batch.cli.settings_files import OptionForm, files_for, read_settings, split_words
from batch.errors import UsageError

FORMS = {
    "run": {
        "max-spend": OptionForm(),
        "limit": OptionForm(),
        "until": OptionForm(),
        "stale": OptionForm(flag=True),
        "map": OptionForm(multiple=True),
        "price": OptionForm(pairs=True),
        "output": OptionForm(path=True),
        "download": OptionForm(path=True, bare="usual"),
    },
    "check": {"map": OptionForm(multiple=True), "all": OptionForm(flag=True)},
}


def told(folder: Path, text: str, command: str = "run") -> dict[str, object]:
    path = folder / settings.FILE_NAME
    path.write_text(text, encoding="utf-8")
    return dict(read_settings(path, FORMS).values(command, FORMS[command]))


def test_every_form_of_value_comes_out_as_it_would_be_typed(tmp_path: Path) -> None:
    """Numbers as they are written, lists and tables as repeated options, paths from where the file stands."""
    text = """
    max-spend = 20.50
    limit = 3
    until = 07:00:00
    stale = true
    map = {image = "Start Bild", prompt = "Text"}
    price = {5 = 0.49, 10 = 0.98}
    output = "out.csv"
    """
    assert told(tmp_path, text) == {
        "max-spend": "20.50",
        "limit": "3",
        "until": "07:00",
        "stale": True,
        "map": ["image=Start Bild", "prompt=Text"],
        "price": "5=0.49,10=0.98",
        "output": str(tmp_path / "out.csv"),
    }


def test_a_section_of_a_command_wins_for_it_and_is_nothing_to_others(tmp_path: Path) -> None:
    """What stands above all sections is for every command that has the option."""
    text = 'map = "image=A"\nlimit = 9\n[run]\nlimit = 2\n[check]\nall = true\n'
    assert told(tmp_path, text) == {"map": ["image=A"], "limit": "2"}
    assert told(tmp_path, text, "check") == {"map": ["image=A"], "all": True}


@pytest.mark.parametrize(("text", "value"), [("true", "usual"), ("'videos'", "videos")])
def test_an_option_that_may_stand_alone_is_set_by_true(tmp_path: Path, text: str, value: str) -> None:
    """Or by its value."""
    meant = value if text == "true" else str(tmp_path / value)
    assert told(tmp_path, f"download = {text}") == {"download": meant}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_spent = 3", "max_spent is no setting: did you mean max-spend?"),
        ("[run]\nlimt = 3", r"\[run\] limt is no setting: did you mean limit?"),
        ("[rum]\nlimit = 3", r"\[rum\] is no setting: did you mean \[run\]"),
        ("[check]\nlimit = 3", r"\[check\] limit is no setting"),
        ("max-spend = 3\nmax_spend = 4", "max-spend is set twice"),
        ("stale = 'yes'", "stale is either true or false"),
        ("stale = 1", "stale is either true or false"),
        ("limit = true", "limit is a text or a number, not true or false"),
        ("limit = [1, 2]", "limit is a text or a number, not a list"),
        ("limit = {a = 1}", "limit is a text or a number, not a table"),
        ("until = 2026-01-01", "until is a text or a number, not a date"),
        ("until = 07", "is not TOML .*texts in quotes"),
        ("max-spend 3", "is not TOML"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_file(tmp_path: Path, text: str, said: str) -> None:
    """Nothing in a file is passed over: a cap that is misspelt would be no cap."""
    with pytest.raises(UsageError, match=said) as refused:
        told(tmp_path, text)
    assert str(tmp_path / settings.FILE_NAME) in str(refused.value)


SECRET = "01234567-89ab-cdef-0123-456789abcdef:0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        *(f'{name} = "{SECRET}"' for name in ("FAL_KEY", "fal-key", "key", "api_key", "token", "limit")),
        f'map = {{image = "{SECRET}"}}',
        f'map = ["{SECRET}"]',
        f'[run]\nfal_key = "{SECRET}"',
        'key = "short"',
    ],
)
def test_a_key_is_refused_unseen_with_where_it_belongs(tmp_path: Path, text: str) -> None:
    """Under any name, and as the value of anything."""
    with pytest.raises(UsageError, match=r"no key belongs there: set FAL_KEY.*\.env.*--key-file") as refused:
        told(tmp_path, text)
    assert SECRET[:8] not in str(refused.value)


def test_both_files_are_found_the_one_beside_the_table_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the table itself, where a link leads to it; and in the user's own folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "kling-batch").mkdir(parents=True)
    (tmp_path / "film").mkdir()
    (tmp_path / "film" / "shots.csv").touch()
    (tmp_path / "link.csv").symlink_to(tmp_path / "film" / "shots.csv")
    beside, own = tmp_path / "film" / "kling-batch.toml", tmp_path / "config" / "kling-batch" / "config.toml"
    assert files_for(tmp_path / "link.csv", FORMS) == []
    beside.write_text("limit = 1")
    own.write_text("limit = 2")
    assert [file.path for file in files_for(tmp_path / "link.csv", FORMS)] == [beside, own]
    assert [file.path for file in files_for(None, FORMS)] == [own]


def test_a_configuration_folder_that_is_relative_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the XDG standard says."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    assert settings.user_file() == Path.home() / ".config" / "kling-batch" / "config.toml"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """With its name; one that an editor of Windows marked is read."""
    path = tmp_path / settings.FILE_NAME
    path.write_bytes("﻿limit = 3".encode())
    assert read_settings(path, FORMS).common == {"limit": "3"}
    path.write_bytes(b"limit = 3 # \xff")
    with pytest.raises(UsageError, match="cannot be read"):
        read_settings(path, FORMS)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"KLING_BATCH_MAX_SPENT": "3"}, "KLING_BATCH_MAX_SPENT in the environment is no setting: did you mean"),
        ({"KLING_BATCH_MAX_SPEND": " "}, "KLING_BATCH_MAX_SPEND in the environment is empty"),
    ],
)
def test_a_variable_that_nothing_reads_or_that_is_empty_is_refused(environment: dict[str, str], said: str) -> None:
    """The cap in it would be no cap."""
    with pytest.raises(UsageError, match=said):
        settings.require_known_variables(["max-spend"], environment)


@given(st.lists(st.text(min_size=1)))
def test_words_in_a_variable_are_told_apart_as_a_shell_does(words: list[str]) -> None:
    """Whatever they hold, quoted."""
    import shlex

    assert split_words(shlex.join(words)) == words


def test_a_quote_that_is_not_closed_is_refused() -> None:
    """Half a value would be another one."""
    with pytest.raises(UsageError, match="not closed"):
        split_words("'image=Start Bild")
