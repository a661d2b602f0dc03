"""What `doctor` finds about the machine: Python, libraries, proxies, certificates, files with keys."""

import os
import platform
import re
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from batch.commands.finding import Finding, ok, warning, wrong
from batch.commands.key_sources import env_files

_OURS = "kling-batch"
EXTRAS = {"sandbox": ("av", "numpy", "starlette", "trustme", "uvicorn"), "notify": ("apprise",)}
"""Extra → the modules that make it."""
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


def machine_findings() -> Iterator[Finding]:
    """Nothing is asked of the network."""
    yield _python()
    yield from _libraries()
    yield from _extras()
    yield from _network()
    yield from _key_files()


def _python() -> Finding:
    here = f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})"
    return ok("python", here)


def _libraries() -> Iterator[Finding]:
    try:
        needed = [one for one in requires(_OURS) or [] if "extra ==" not in one]
    except PackageNotFoundError:
        remedy = f"{sys.executable} -m pip install ."
        yield warning(
            "versions", "kling-batch runs from its source and is not installed", f"cron needs it so: {remedy}"
        )
        return
    missing = [name for name in map(_name, needed) if not _version(name)]
    if missing:
        yield wrong(
            "versions", f"{', '.join(missing)} is missing", f"{sys.executable} -m pip install {' '.join(missing)}"
        )
    else:
        told = ", ".join(f"{name} {_version(name)}" for name in (_OURS, "fal-client", "aiohttp", "click"))
        yield ok("versions", told)


def _name(requirement: str) -> str:
    found = _REQUIREMENT.match(requirement)
    return found[0] if found else requirement


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _extras() -> Iterator[Finding]:
    states = {name: [one for one in modules if find_spec(one) is None] for name, modules in EXTRAS.items()}
    parts = [f"{name} {'is not installed' if lacking else 'is there'}" for name, lacking in states.items()]
    yield ok("extras", "; ".join(parts))


# The network, as the environment says it


def _network(environment: Mapping[str, str] | None = None) -> Iterator[Finding]:
    told = os.environ if environment is None else environment
    proxies = {name: told[name] for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy") if told.get(name)}
    if proxies:
        name, address = next(iter(proxies.items()))
        yield ok("proxy", f"{name}: {_without_password(address)}")
    yield from _certificates(told)


def _without_password(address: str) -> str:
    scheme, mark, rest = address.rpartition("//")
    return scheme + mark + rest.rpartition("@")[2]


def _certificates(told: Mapping[str, str]) -> Iterator[Finding]:
    name = "SSL_CERT_FILE" if told.get("SSL_CERT_FILE") else "SSL_CERT_DIR" if told.get("SSL_CERT_DIR") else None
    if name is None:
        yield ok("certificates", "those that come with Python's libraries")
        return
    path = Path(told[name])
    try:
        if name == "SSL_CERT_FILE":
            ssl.create_default_context(cafile=str(path))
        elif not path.is_dir():
            raise FileNotFoundError(2, "No such folder")
        yield ok("certificates", f"{name}: {path}")
    except OSError as error:
        yield wrong(
            "certificates", f"{name} names {path}, which cannot be used ({error.strerror or error})", f"unset {name}"
        )


def _key_files() -> Iterator[Finding]:
    """Of the working folder; those beside a table are looked at with it."""
    yield from open_env_files(None)


def open_env_files(table: Path | None) -> Iterator[Finding]:
    """Files `.env` that others may read."""
    if sys.platform == "win32":
        return
    for path in env_files(table):
        if path.stat().st_mode & 0o077 and b"FAL_KEY" in path.read_bytes():
            yield warning("key file", f"others may read {path}", f"chmod 600 {path}")


def open_settings_files(paths: Sequence[Path]) -> Iterator[Finding]:
    """Settings that others may read and that hold addresses of messages, which hold passwords."""
    for path in paths:
        if (
            sys.platform != "win32"
            and path.stat().st_mode & 0o077
            and re.search(rb"^\s*notify\s*=", path.read_bytes(), re.M)
        ):
            yield warning("settings", f"others may read {path}, with the addresses in it", f"chmod 600 {path}")
