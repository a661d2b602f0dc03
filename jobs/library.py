"""Finds jobs by name: those that come with the program, those that a person has added, and files of one's own."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from batch.errors import UsageError
from batch.job import Job, Models
from jobs.openapi import job_of

DEFAULT = "kling-2.1-pro"
FAMILIES = ("kling",)
HERE = Path(__file__).parent
ENDING = ".model.json"
"""Of a job that a person has added: `NAME.model.json`."""


def find(name: str | None, table: Path | None = None) -> Job:
    """The job of this name.

    Args:
        name: of a job, or its endpoint, or the path of a file that holds one; None: the usual one.
        table: beside which jobs may stand.

    Raises:
        UsageError: there is none.
    """
    if name is None:
        return built_in(DEFAULT)
    if name.endswith(".py"):
        return _of_python(Path(name))
    if name.endswith(".json"):
        return _read(Path(name))
    for known, path in _all(table):
        if known == name:
            return load(path)
    found = [job for _, path in _all(table) if (job := load(path)).endpoint == name]
    if found:
        return found[0]
    raise UsageError(
        f"--model {name}: there is no such model; there are {', '.join(names(table))}. For any other one of fal's: "
        "kling-batch model add fal-ai/…"
    )


def models(table: Path | None = None) -> Models:
    """All jobs there are, for rows that name theirs."""
    files = list(_all(table))

    @cache
    def known(name: str) -> Job | None:
        if not name:
            return built_in(DEFAULT)
        for own, path in files:
            if own == name:
                return load(path)
        return next((job for _, path in files if (job := load(path)).endpoint == name), None)

    def stamp() -> str:
        return hashlib.sha256(b"".join(path.read_bytes() for _, path in files)).hexdigest()

    return Models([name for name, _ in files], known, stamp)


def built_in(name: str) -> Job:
    """A job that comes with the program."""
    return next(load(path) for known, path in _all(None) if known == name)


def names(table: Path | None = None) -> list[str]:
    """Of all jobs there are, those of the program first."""
    return [name for name, _ in _all(table)]


def load(path: Path) -> Job:
    """The job in a file. Raises UsageError."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        facts = {**held.get("facts", {})}
        family = _family(path)
        for part in ("words", "units"):
            facts[part] = {**family.get(part, {}), **facts.get(part, {})}
        for name, other in family.get("alias", {}).items():
            facts["words"].setdefault(name, family["words"].get(other, ()))
        facts.setdefault("length_by", family.get("length_by", ""))
        return job_of(held["openapi"], facts, str(held["name"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} holds no model that can be read ({type(error).__name__}: {error})") from error


def save(folder: Path, name: str, document: dict[str, Any], facts: dict[str, Any]) -> Path:
    """Keep a job as a file in a folder, which is made. Raises UsageError."""
    path = folder / f"{name}{ENDING}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = {"name": name, "facts": facts, "openapi": document}
        path.write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror or error})") from error
    return path


def document_of(path: Path) -> dict[str, Any]:
    """The OpenAPI document that a job was made of."""
    held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dict(held["openapi"])


def file_of(name: str, table: Path | None = None) -> Path:
    """The file of the job of this name. Raises UsageError."""
    for known, path in _all(table):
        if known == name:
            return path
    raise UsageError(f"{name} has no description of fal's to compare: it is a job of your own")


def own_folder() -> Path:
    """Where a person's models are, whatever the table."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", "~")).expanduser() / "kling-batch" / "models"
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "kling-batch" / "models"


def _all(table: Path | None) -> Iterator[tuple[str, Path]]:
    """Those of the program come first: nobody else's file takes the name of one."""
    seen = set()
    for family in FAMILIES:
        folder = HERE / family
        held = sorted((one for one in folder.iterdir() if one.name.endswith(".json")), key=lambda one: one.name)
        for path in held:
            if path.name != "family.json":
                seen.add(path.name.removesuffix(".json"))
                yield path.name.removesuffix(".json"), path
    for place in [*([] if table is None else [table.resolve().parent]), own_folder()]:
        for found in sorted(place.glob(f"*{ENDING}")) if place.is_dir() else ():
            name = found.name.removesuffix(ENDING)
            if name not in seen:
                seen.add(name)
                yield name, found


def _family(path: Path) -> dict[str, Any]:
    """What the models of one family have in common; nothing for one that a person has added."""
    for family in FAMILIES:
        folder = HERE / family
        if path.parent == folder:
            found: dict[str, Any] = json.loads((folder / "family.json").read_text(encoding="utf-8"))
            return found
    return {}


def _read(path: Path) -> Job:
    if not path.is_file():
        raise UsageError(f"--model {path}: there is no such file")
    return load(path)


def _of_python(path: Path) -> Job:
    """The one job that a file of Python defines, which is run for it."""
    if not path.is_file():
        raise UsageError(f"--model {path}: there is no such file")
    import runpy  # only for who has such a file

    found = [one for one in runpy.run_path(str(path)).values() if isinstance(one, Job)]
    if len(found) != 1:
        raise UsageError(f"--model {path}: it defines {len(found)} jobs; name a file with one")
    return found[0]
