"""Reads settings files: which options they set for which command, as strictly as the command line."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any

from batch.core.suggestions import did_you_mean
from batch.errors import UsageError

FILE_NAME = "kling-batch.toml"
PREFIX = "KLING_BATCH_"
_KEY_NAMES = re.compile(r"(?:fal[-_]?)?(?:(?:api|secret|access)[-_]?)?(?:key|token|secret)(?:[-_](?:id|secret))?", re.I)
_KEY = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}:[0-9a-f]{16,}", re.IGNORECASE)
_WHERE_A_KEY_BELONGS = (
    "a settings file is copied along with the table, and no key belongs there: set FAL_KEY, write FAL_KEY=… into a "
    "file .env beside the table, or name a file that only you can read with --key-file"
)


@dataclass(frozen=True, slots=True)
class OptionForm:
    """What may stand for an option in a file.

    Args:
        flag: true or false, and nothing else.
        multiple: a list, one text of it, or a table of `name = value` pairs.
        pairs: of one text, pairs joined by commas: `5=0.49,10=0.98`.
        path: relative to the file that names it.
        bare: what `true` stands for, where an option may be given without a value.
    """

    flag: bool = False
    multiple: bool = False
    pairs: bool = False
    path: bool = False
    bare: str | None = None


Forms = Mapping[str, Mapping[str, OptionForm]]
"""Command → its options, named as they are typed, without the dashes."""
Value = str | bool | list[str]


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What one file sets: for all commands that have the option, and for single commands."""

    path: Path
    common: Mapping[str, Value] = field(default_factory=dict)
    sections: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    def values(self, command: str, options: Mapping[str, OptionForm]) -> dict[str, Value]:
        """What holds for a command; its own section wins."""
        common = {name: value for name, value in self.common.items() if name in options}
        return common | dict(self.sections.get(command, {}))


def user_folder() -> Path | None:
    """`$XDG_CONFIG_HOME/kling-batch`; by the standard, a relative value is none. None: there is no home."""
    told = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    try:
        return (told if told.is_absolute() else Path.home() / ".config") / "kling-batch"
    except RuntimeError:
        return None


def user_file() -> Path | None:
    """`config.toml` there."""
    folder = user_folder()
    return folder and folder / "config.toml"


def file_beside(table: Path | None) -> Path | None:
    """The file beside a table, as its ledger is: beside the file itself, not a link; else in the working folder."""
    try:
        return (table.resolve().parent if table else Path.cwd()) / FILE_NAME
    except (OSError, RuntimeError):  # a link that leads to itself, a working folder that was deleted
        return None


def files_for(table: Path | None, forms: Forms) -> list[SettingsFile]:
    """Those that there are, the strongest first.

    Raises:
        UsageError: one cannot be read, or sets something that cannot be meant.
    """
    paths = dict.fromkeys([file_beside(table), user_file()])
    return [read_settings(path, forms) for path in paths if path and path.exists()]


def read_settings(path: Path, forms: Forms) -> SettingsFile:
    """One file, checked whole: also what is set there for other commands.

    Raises:
        UsageError: it is no TOML, names an option that there is not, gives one a value of another form, or holds a key.
    """
    import tomllib  # only where there is a file

    try:
        text = path.read_bytes().decode("utf-8-sig")
        told = tomllib.loads(text, parse_float=str)  # numbers as they are written: money is never a binary fraction
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML ({error}): write it like max-spend = 20, and texts in quotes") from error
    return _Reader(path, forms).read(told)


class _Reader:
    def __init__(self, path: Path, forms: Forms) -> None:
        self._path = path
        self._forms = forms
        self._all = {name: form for options in forms.values() for name, form in options.items()}

    def read(self, told: Mapping[str, Any]) -> SettingsFile:
        common: dict[str, Any] = {}
        sections: dict[str, Mapping[str, Value]] = {}
        for key, value in told.items():
            if key in self._forms and isinstance(value, dict):
                sections[key] = self._options(value, self._forms[key], f"[{key}] ")
            else:
                common[key] = value
        known = {**self._all, **{f"[{command}]": OptionForm() for command in self._forms}}
        return SettingsFile(self._path, self._options(common, known, ""), sections)

    def _options(self, told: Mapping[str, Any], known: Mapping[str, OptionForm], where: str) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key, value in told.items():
            name = key.replace("_", "-")
            self._refuse_keys(key, value, known)
            if name not in known or name.startswith("["):
                shown = f"[{key}]" if isinstance(value, dict) else key
                raise UsageError(f"{self._path}: {where}{shown} is no setting{did_you_mean(shown, known)}")
            if name in found:
                raise UsageError(f"{self._path}: {where}{name} is set twice, with - and with _: leave one")
            found[name] = self._value(f"{where}{name}", value, known[name])
        return found

    def _refuse_keys(self, key: str, value: Any, known: Mapping[str, OptionForm]) -> None:
        """Without showing it."""
        named = key.replace("_", "-") not in known and _KEY_NAMES.fullmatch(key)
        if named or any(_KEY.search(text) for text in _texts(value)):
            raise UsageError(f"{self._path}: {key!r} seems to be fal's key: {_WHERE_A_KEY_BELONGS}")

    def _value(self, name: str, value: Any, form: OptionForm) -> Value:
        if form.flag:
            if not isinstance(value, bool):
                raise UsageError(f"{self._path}: {name} is either true or false, without quotes")
            return value
        texts = self._texts_of(name, value, form)
        if form.path:
            texts = [self._from_here(text) if text.strip() and text != form.bare else text for text in texts]
        return texts if form.multiple else texts[0]

    def _from_here(self, text: str) -> str:
        return str(self._path.parent / Path(text).expanduser())

    def _texts_of(self, name: str, value: Any, form: OptionForm) -> list[str]:
        if isinstance(value, dict) and (form.multiple or form.pairs):
            pairs = [f"{key}={self._text(name, one)}" for key, one in value.items()]
            return pairs if form.multiple else [",".join(pairs)]
        if value is True and form.bare is not None:
            return [form.bare]
        if isinstance(value, list) and form.multiple:
            return [self._text(name, one) for one in value]
        return [self._text(name, value)]

    def _text(self, name: str, value: Any) -> str:
        """As it would be typed; what reads it then is what reads the command line."""
        if isinstance(value, time):
            return value.isoformat("minutes" if not value.second else "auto")
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise UsageError(f"{self._path}: {name} is a text or a number, not {_kind(value)}")
        return str(value)


def _kind(value: Any) -> str:
    kinds: dict[type, str] = {bool: "true or false", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from (key, *_texts(one))
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    else:
        yield str(value)


# The environment


def variable(option: str) -> str:
    """`max-spend` → `KLING_BATCH_MAX_SPEND`."""
    return PREFIX + option.upper().replace("-", "_")


def require_known_variables(options: Sequence[str], environment: Mapping[str, str]) -> None:
    """A variable of ours that nothing reads, or that is empty, is a mistake: the cap in it would be no cap.

    Raises:
        UsageError: with its name.
    """
    known = {variable(option): option for option in options}
    for name, value in environment.items():
        if name.startswith(PREFIX) and name not in known:
            raise UsageError(f"{name} in the environment is no setting{did_you_mean(name, known)}")
        if name in known and not value.strip():
            raise UsageError(f"{name} in the environment is empty: give it a value, or unset it")


def split_words(text: str) -> list[str]:
    """Several values in one variable, apart as a shell tells them: `'image=Start Bild' tail_image=Ende`.

    Raises:
        UsageError: a quote that is not closed.
    """
    import shlex

    try:
        return shlex.split(text)
    except ValueError as error:
        # What stands there is not shown: it may be an address with a password.
        raise UsageError("a value in the environment has a quote that is not closed") from error
