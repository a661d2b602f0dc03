"""What to type where the sandbox is not installed: a command that works from a clone."""

import importlib.util
import shlex
import subprocess
import sys
from typing import Any

import pytest

from batch.sandbox import extra
from batch.sandbox.extra import lacking_extra


def typed(names: list[str]) -> list[str]:
    said, _, command = str(lacking_extra(names)).partition(": ")
    assert said == f"the sandbox needs {', '.join(names)}"
    return shlex.split(command)


@pytest.mark.skipif(sys.platform == "win32", reason="quoted otherwise there")
def test_the_command_is_for_this_python_and_names_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the versions of our own metadata: a clone is on no package index, and `pip` may be another one's."""
    monkeypatch.setattr(extra, "find_spec", lambda _: object())
    command = typed(["av", "PIL", "uvicorn"])
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert [one.partition(">=")[0] for one in command[4:]] == ["av", "pillow", "uvicorn"]
    assert all(">=" in one and ";" not in one for one in command[4:])


@pytest.mark.skipif(sys.platform == "win32", reason="quoted otherwise there")
def test_where_there_is_no_pip_it_is_uv_that_installs(monkeypatch: pytest.MonkeyPatch) -> None:
    """uv makes environments without one."""
    monkeypatch.setattr(extra, "find_spec", lambda _: None)
    assert typed(["av"])[:5] == ["uv", "pip", "install", "--python", sys.executable]


@pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="no pip here")
def test_the_command_is_understood_by_pip() -> None:
    """Asked without a network: what is there already satisfies it."""
    command = typed(["av", "numpy", "starlette", "trustme", "uvicorn"])
    done = subprocess.run([*command, "--no-index", "-q"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_clone_that_was_never_installed_names_the_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without metadata there are no versions to tell."""

    def missing(name: str) -> Any:
        raise extra.PackageNotFoundError(name)

    monkeypatch.setattr(extra, "requires", missing)
    assert typed(["av"])[-1] == "av"
