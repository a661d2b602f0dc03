"""Takes fal's key into the environment: from a file that only its owner can read, or from `.env`."""

import os
import stat
import sys
from collections.abc import MutableMapping
from pathlib import Path

from batch.errors import UsageError

KEY_NAMES = ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET")
"""What the key may be called; one of them in the environment counts as the whole key."""
LONGEST_KEY = 4096


def read_key_file(path: Path) -> str:
    """The key in a file: its one line, or its line `FAL_KEY=…`.

    Raises:
        UsageError: the file cannot be read, may be read by others, or holds no key; nothing of it is shown.
    """
    try:
        opened = os.stat(path)  # noqa: PTH116 - and the link is followed
        if sys.platform != "win32":
            _require_private(path, opened)
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(LONGEST_KEY)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise UsageError(
            f"--key-file {path}: it cannot be read ({reason}): write the key into it as its one line"
        ) from (error if isinstance(error, OSError) else None)
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) != 1:
        raise UsageError(f"--key-file {path}: it holds {len(lines)} lines: write the key into it, and nothing else")
    key = lines[0].removeprefix("export ").removeprefix("FAL_KEY=").strip().strip("'\"")
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(
            f"--key-file {path}: what it holds is no key: copy it again from https://fal.ai/dashboard/keys"
        )
    return key


def _require_private(path: Path, opened: os.stat_result) -> None:
    if not stat.S_ISREG(opened.st_mode):
        raise UsageError(f"--key-file {path}: it is not a file")
    if opened.st_mode & 0o077:
        mode = stat.S_IMODE(opened.st_mode)
        raise UsageError(f"--key-file {path}: others may read it (mode {mode:04o}): chmod 600 {path}")
    if opened.st_uid not in (os.geteuid(), 0):
        raise UsageError(f"--key-file {path}: it is of another user ({opened.st_uid}): use a file of your own")


def use_key_file(path: Path, environment: MutableMapping[str, str]) -> None:
    """From here on the key is the one in this file, whatever the environment said."""
    key = read_key_file(path)
    for name in KEY_NAMES:
        environment.pop(name, None)
    environment["FAL_KEY"] = key


def env_files(table: Path | None) -> list[Path]:
    """`.env` in the working folder and beside the table, where they are; the first one wins."""
    folders = [Path.cwd(), *([table.resolve().parent] if table else [])]
    return [path for folder in dict.fromkeys(folders) if (path := folder / ".env").is_file()]


def use_env_files(table: Path | None, environment: MutableMapping[str, str]) -> list[str]:
    """Takes what is fal's out of them, nothing over what the environment has; tells what was taken, and what was not.

    To which hosts the key is sent is never said by a file that may have come along with a table.

    Raises:
        UsageError: one cannot be read.
    """
    said: list[str] = []
    for path in env_files(table):
        taken, left = _of_fal(path), []
        if any(name in environment for name in KEY_NAMES):
            taken = {name: value for name, value in taken.items() if name not in KEY_NAMES}
        for name in list(taken):
            if name in environment:
                del taken[name]
            elif "HOST" in name:
                del taken[name]
                left.append(name)
        environment.update(taken)
        if taken:
            said.append(f"{', '.join(taken)} taken from {path}")
        if left:
            said.append(f"{', '.join(left)} in {path} is not taken: the environment alone says where the key goes")
    return said


def _of_fal(path: Path) -> dict[str, str]:
    from dotenv import dotenv_values  # only where there is such a file

    try:
        told = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {type(error).__name__}") from None
    return {name: value for name, value in told.items() if name.startswith("FAL_") and value}
