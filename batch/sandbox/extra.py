"""Says what has to be installed for the sandbox, as a command that works wherever this runs."""

import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec

from batch.errors import MissingExtra

_OURS = "kling-batch"
_IMPORTED_AS = {"pil": "pillow"}


def lacking_extra(names: Sequence[str]) -> MissingExtra:
    """The error that says which modules are missing, and what to type.

    By name and version, for a clone is on no package index, and for this very Python, wherever its `pip` stands.
    """
    return MissingExtra(f"the sandbox needs {', '.join(names)}: {_install(names)}")


def _install(names: Sequence[str]) -> str:
    how = [sys.executable, "-m", "pip", "install"]
    if find_spec("pip") is None:  # an environment that uv made
        how = ["uv", "pip", "install", "--python", sys.executable]
    command = [*how, *(_requirement(_IMPORTED_AS.get(name.lower(), name.lower())) for name in names)]
    return subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)


def _requirement(name: str) -> str:
    """`av` → `av>=12`, as our own metadata has it."""
    try:
        listed = requires(_OURS) or []
    except PackageNotFoundError:  # run from a clone that was never installed
        listed = []
    found = (re.match(rf"({re.escape(name)}\b[^;]*)", one, re.IGNORECASE) for one in listed)
    return next((one[1].strip() for one in found if one), name)
