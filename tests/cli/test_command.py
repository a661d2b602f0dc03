"""Each option at each of the places where it can be set, in the order in which they win."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from batch.cli.command import SettledCommand, commands_of, name_of, options_of
from batch.cli.main import main


def above() -> click.Context:
    return click.Context(main, info_name="kling-batch", **main.context_settings)


ABOVE = above()
OPTIONS = [
    pytest.param(name, option, id=f"{name} {option.opts[0]}")
    for name, command in commands_of(ABOVE).items()
    for option in options_of(command)
]
SAMPLES = {
    "integer": ("3", "4", "5", "6"),
    "take": ("3", "4", "5", "6"),
    "rows": ("3", "4", "5", "6"),
    "seconds": ("3", "4", "5", "6"),
    "number": ("3", "4", "5", "6"),
    "dollars": ("3", "4", "5", "6"),
    "dollars a period": ("3/night", "4/night", "5/day", "6/month"),
    "time": ("03:00", "04:00", "05:00", "06:00"),
    "duration": ("3h", "4h", "5h", "6h"),
    "folder": ("/a", "/b", "/c", "/d"),
    "path": ("/a", "/b", "/c", "/d"),
    "text": ("a=1", "b=2", "c=3", "d=4"),
    "time of day": ("03:00", "04:00", "05:00", "06:00"),
    "days": ("mon", "tue", "wed", "thu"),
}
"""By the name of a type: a value for each place, all of them different."""
OWN = {
    "history-refuse": ("400", "401", "402", "403"),
    "keep": ("1d", "2d", "3d", "4d"),
    "log-file": ("/a", "/b", "/c", "/d"),
    "to": ("/a", "/b", "/c", "/d"),
}
"""By the name of an option, where its type has others."""


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "kling-batch").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def samples(option: click.Option) -> list[str]:
    return list(OWN.get(name_of(option)) or SAMPLES[option.type.name])


def effective(name: str, option: click.Option, *typed: str) -> object:
    """What the command would be given for the option, as it was written."""
    command = commands_of(ABOVE)[name]
    assert isinstance(command, SettledCommand)
    table = ["shots.csv"] if any(one.name == "manifest" for one in command.params) else []
    seen: list[object] = []
    original = option.process_value

    def noted(ctx: click.Context, value: object) -> object:
        seen.append(value)
        return original(ctx, value)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(option, "process_value", noted)
        command.make_context(name, [*table, *typed], parent=above())
    (value,) = seen
    return value[0] if isinstance(value, list | tuple) and value else value


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_an_option_can_be_set_at_each_place_and_the_nearer_one_wins(
    places: Path, monkeypatch: pytest.MonkeyPatch, name: str, option: click.Option
) -> None:
    """File of the user, then beside the table, then the environment, then typed."""
    key = name_of(option)
    user, beside = places / "config" / "kling-batch" / "config.toml", places / "kling-batch.toml"
    if option.is_flag:
        user.write_text(f"{key} = true")
        assert effective(name, option) is True
        beside.write_text(f"[{name}]\n{key} = false")
        assert effective(name, option) is False
        monkeypatch.setenv(str(option.envvar), "1")
        assert effective(name, option) in (True, "1")
        monkeypatch.setenv(str(option.envvar), "0")
        assert effective(name, option, option.opts[0]) is True
        return
    first, second, third, fourth = samples(option)
    user.write_text(f'{key} = "{first}"')
    assert effective(name, option) == first
    beside.write_text(f'{key} = "{second}"')
    assert effective(name, option) == second
    monkeypatch.setenv(str(option.envvar), third)
    assert effective(name, option) == third
    assert effective(name, option, option.opts[0], fourth) == fourth


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max-spend = -4", "--max-spend in a settings file (`kling-batch config` says which): '-4' is not an amount"),
        ("max-spend = 1e3", "'1e3' is not an amount"),
        ('max-spend = ""', "its value is empty"),
        ("max-spend = inf", "'inf' is not an amount"),
        ("max-spent = 20", "max-spent is no setting: did you mean max-spend"),
    ],
)
@pytest.mark.usefixtures("places")
def test_a_cap_in_a_file_is_read_as_strictly_as_one_that_is_typed(text: str, said: str) -> None:
    """And nothing is begun."""
    Path("kling-batch.toml").write_text(text)
    told = CliRunner().invoke(main, ["run", "shots.csv"])
    assert told.exit_code == 2
    assert said in told.output


@pytest.mark.usefixtures("places")
def test_a_variable_that_cannot_be_meant_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the option, which nobody typed."""
    monkeypatch.setenv("KLING_BATCH_MAX_SPEND", "a lot")
    told = CliRunner().invoke(main, ["run", "shots.csv"])
    assert (told.exit_code, "KLING_BATCH_MAX_SPEND in the environment: 'a lot'" in told.output) == (2, True)


@pytest.mark.usefixtures("places")
def test_help_is_given_whatever_the_files_say() -> None:
    """Who mends a file wants to read it."""
    Path("kling-batch.toml").write_text("nonsense")
    assert CliRunner().invoke(main, ["run", "--help"]).exit_code == 0


@pytest.mark.usefixtures("places")
def test_what_buys_again_by_a_standing_word_is_said() -> None:
    """A person who types `run` should know."""
    Path("kling-batch.toml").write_text("stale = true")
    Path("shots.csv").write_text("prompt,image\n")
    told = CliRunner().invoke(main, ["run", "shots.csv", "--sandbox"])
    assert "note: --stale holds, by a settings file" in told.output


def test_a_key_file_in_a_settings_file_does_not_replace_the_key_in_the_environment(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is typed does."""
    import os

    (places / "own").write_text("file-key")
    (places / "own").chmod(0o600)
    Path("kling-batch.toml").write_text('key-file = "own"')
    monkeypatch.setenv("FAL_KEY", "environment-key")
    CliRunner().invoke(main, ["account"])
    assert os.environ["FAL_KEY"] == "environment-key"
    CliRunner().invoke(main, ["account", "--key-file", "own"])
    assert os.environ["FAL_KEY"] == "file-key"
    monkeypatch.delenv("FAL_KEY")
    CliRunner().invoke(main, ["account"])
    assert os.environ["FAL_KEY"] == "file-key"


def test_the_sandbox_needs_no_key_and_reads_no_file_with_one(places: Path) -> None:
    """Nor says that it did."""
    (places / ".env").write_text("FAL_KEY=secret")
    (places / "shots.csv").write_text("prompt,image\n")
    told = CliRunner().invoke(main, ["run", "shots.csv", "--sandbox", "--json"])
    assert "taken from" not in told.output


def test_every_option_has_a_sample() -> None:
    """An option of a new type is tried, too."""
    assert {option.values[1].type.name for option in OPTIONS if not option.values[1].is_flag} <= {*SAMPLES}
