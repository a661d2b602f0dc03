"""fal's key from a file or `.env`: only from where nobody else reads it, never over the environment, never shown."""

import os
from pathlib import Path

import pytest

from batch.commands.key_sources import env_files, read_key_file, use_env_files, use_key_file
from batch.errors import UsageError

KEY = "11111111-2222-3333-4444-555555555555:abcdefabcdefabcdefabcdefabcdefab"


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "fal key"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


@pytest.mark.parametrize("text", [KEY, f"{KEY}\n", f"# mine\nFAL_KEY={KEY}\n", f'export FAL_KEY="{KEY}"', f"﻿{KEY}\r\n"])
def test_a_key_is_read_as_people_write_it(tmp_path: Path, text: str) -> None:
    """Alone, or as a line of a shell."""
    assert read_key_file(key_file(tmp_path, text)) == KEY


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_open_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    """Whoever they are."""
    with pytest.raises(UsageError, match=f"mode {mode:04o}.*chmod 600"):
        read_key_file(key_file(tmp_path, KEY, mode))


@pytest.mark.parametrize("text", ["", "\n", "two words", f"{KEY}\n{KEY}", "schlüssel", "FAL_KEY=", "ab\x07"])
def test_what_is_no_key_is_refused_unseen(tmp_path: Path, text: str) -> None:
    """The message holds nothing of the file."""
    with pytest.raises(UsageError) as refused:
        read_key_file(key_file(tmp_path, text))
    assert all(word not in str(refused.value) for word in ("two words", KEY, "schlüssel"))


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    """With what is the matter."""
    with pytest.raises(UsageError, match="No such file"):
        read_key_file(tmp_path / "none")
    with pytest.raises(UsageError, match="is not a file"):
        read_key_file(tmp_path)


def test_a_key_file_replaces_whatever_key_there_was(tmp_path: Path) -> None:
    """Also one in two halves, which fal's client would mix with it."""
    environment = {"FAL_KEY_ID": "a", "FAL_KEY_SECRET": "b", "HOME": "/"}
    use_key_file(key_file(tmp_path, KEY), environment)
    assert environment == {"FAL_KEY": KEY, "HOME": "/"}


def used(folder: Path, text: str, environment: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    (folder / ".env").write_text(text, encoding="utf-8")
    said = use_env_files(folder / "shots.csv", environment)
    return environment, said


def test_only_what_is_fals_is_taken_and_it_is_said_without_its_value(tmp_path: Path) -> None:
    """Whatever else such a file holds is for others."""
    environment, said = used(tmp_path, f"DEBUG=1\nFAL_KEY='{KEY}'\nKLING_BATCH_LIMIT=1\n", {})
    assert environment == {"FAL_KEY": KEY}
    assert said == [f"FAL_KEY taken from {tmp_path / '.env'}"]


@pytest.mark.parametrize("there", [{"FAL_KEY": "mine"}, {"FAL_KEY": ""}, {"FAL_KEY_ID": "a", "FAL_KEY_SECRET": "b"}])
def test_nothing_is_put_over_the_environment(tmp_path: Path, there: dict[str, str]) -> None:
    """A key that is there in any form is the key."""
    environment, said = used(tmp_path, f"FAL_KEY={KEY}", {**there})
    assert environment == there
    assert said == []


def test_a_file_beside_a_table_does_not_say_to_whom_the_key_is_sent(tmp_path: Path) -> None:
    """A table that came from others may bring such a file along."""
    environment, said = used(tmp_path, "FAL_QUEUE_RUN_HOST=evil.example\nFAL_RUN_HOST=x", {"FAL_KEY": "mine"})
    assert environment == {"FAL_KEY": "mine"}
    assert said == [
        f"FAL_QUEUE_RUN_HOST, FAL_RUN_HOST in {tmp_path / '.env'} is not taken: the environment alone says where the "
        "key goes"
    ]


def test_the_file_in_the_working_folder_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the one beside the table; each is read once."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path(".env").write_text("FAL_KEY=here")
    environment, _ = used(tmp_path, "FAL_KEY=there", {})
    assert environment == {"FAL_KEY": "here"}
    assert env_files(Path("shots.csv")) == [tmp_path / "here" / ".env"]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """By its name, and nothing of it."""
    (tmp_path / ".env").write_bytes(b"FAL_KEY=\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        use_env_files(tmp_path / "shots.csv", dict(os.environ))
