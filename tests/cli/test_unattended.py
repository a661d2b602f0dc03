"""`schedule` as typed: what is wrong with the run is told now, and not at night."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from batch.cli.main import main
from tests.support.message_services import message_services


@pytest.fixture
def shots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin:/bin")
    path = tmp_path / "shots.csv"
    path.write_text("prompt,image\n")
    (tmp_path / "key").write_text("a-key")
    (tmp_path / "key").chmod(0o600)
    return path


def told(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["schedule", *map(str, arguments)])


def test_a_dry_run_shows_the_line_and_the_next_nights(shots: Path) -> None:
    """The options of the run stand behind `--`."""
    ended = told(
        shots, "--at", "22:00", "--key-file", "key", "--dry-run", "--", "--max-spend", "20", "--output", "o.csv"
    )
    assert ended.exit_code == 0, ended.output
    assert f" run {shots} --cron --key-file {shots.with_name('key')} --max-spend 20 --output o.csv # " in ended.output
    assert f"cd {shots.parent} && " in ended.output
    assert "every day at 22:00" in ended.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name the table"),
        (("shots.csv",), "say when: --at 22:00"),
        (("shots.csv", "--at", "25:00"), "--at: '25:00' is not a time of day"),
        (("shots.csv", "--at", "22:00", "--days", "mo"), "--days: 'mo' is no day"),
        (("shots.csv", "--at", "22:00", "--max-spend", "20"), "--max-spend is an option of run: put it behind --"),
        (("shots.csv", "--at", "22:00", "--nonsense"), "No such option '--nonsense'"),
        (("shots.csv", "--at", "22:00", "--", "--max-spent", "20"), "No such option '--max-spent'"),
        (("shots.csv", "--at", "22:00", "--", "--max-spend", "x"), "--max-spend: 'x' is not an amount"),
        (("shots.csv", "--at", "22:00", "--", "--notify", "json://x"), "a crontab is no place for it"),
        (("shots.csv", "--at", "22:00"), "key has to come from a file"),
    ],
)
@pytest.mark.usefixtures("shots")
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...], said: str) -> None:
    """With exit code 2."""
    ended = told(*arguments)
    assert (ended.exit_code, said in ended.output) == (2, True), ended.output


def test_what_a_settings_file_says_is_not_copied_into_the_line(shots: Path) -> None:
    """It is read there each night, as it stands then."""
    shots.with_name("kling-batch.toml").write_text('key-file = "key"\nuntil = "07:00"\n')
    ended = told(shots, "--at", "22:00", "--dry-run")
    assert ended.exit_code == 0, ended.output
    assert f" run {shots} --cron # " in ended.output


def test_a_models_file_is_found_from_where_it_was_typed(shots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As other files are; a model's name is none."""
    elsewhere = shots.with_name("elsewhere")
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for model, there in (("own.json", True), ("mine.py", True), ("kling-3.0-pro", False)):
        ended = told(shots, "--at", "22:00", "--dry-run", "--", "--sandbox", "--model", model)
        assert (ended.exit_code, str(elsewhere) in ended.output) == (0, there), ended.output


def test_a_rehearsal_by_cron_needs_no_key(shots: Path) -> None:
    """Nor asks for one."""
    ended = told(shots, "--at", "22:00", "--dry-run", "--", "--sandbox")
    assert (ended.exit_code, "--cron --sandbox # " in ended.output) == (0, True), ended.output


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # a library of apprise's
@pytest.mark.parametrize("gone", ["key", "shots.csv"])
def test_what_ends_a_run_before_it_begins_is_told_too(shots: Path, tmp_path: Path, gone: str) -> None:
    """A key's file or a table that is not there any more: nobody watches, so a message goes out."""
    (tmp_path / gone).unlink()
    with message_services(tmp_path) as services:
        notify = ("--notify", f"json://127.0.0.1:{services.port}/")
        ended = CliRunner().invoke(main, ["run", str(shots), "--key-file", "key", *notify])
    assert ended.exit_code == 2
    assert "the run could not go on" in services.text()
    assert "a-key" not in services.text()
