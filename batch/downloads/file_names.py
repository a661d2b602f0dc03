"""Names the files of videos: safe on every file system, whatever the cells hold. Pure."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter

from batch.downloads.made_files import ENDINGS
from batch.errors import UsageError

SUFFIX = ".mp4"
MOST_BYTES = 180
"""Of a name in UTF-8, without its suffix: file systems take 255, and `.mp4.part`, a number and a margin come to it."""
SLUG_LENGTH = 48
"""Characters of a prompt in a name."""
REQUEST_ID, TAKE = "\ue000", "\ue001"
"""Stand in a planned name for what is known only when the video is there; a cell cannot bring them in."""
FIELDS = ("id", "row", "prompt", "duration", "request_id", "take", "column")

_SPACE = {REQUEST_ID: 36, TAKE: 3}
"""Bytes that what they stand for takes."""
_UNFIT = frozenset('<>:"/\\|?*')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NameTemplate:
    """A template as typed: `{id}_{row:04}`, `{column:Shot}`; what it may hold is in `FIELDS`."""

    parts: tuple[tuple[str, str, str], ...]
    """Text, then a field and what is said of it; both are empty behind the last text."""

    @classmethod
    def read(cls, text: str) -> "NameTemplate":
        """A template as typed, with or without `.mp4`, or another ending of what is made, behind it.

        Raises:
            UsageError: a field that there is not, or one that would leave the folder.
        """
        bare = text.strip()
        suffix = next((one for one in ENDINGS if bare.lower().endswith(one)), "")
        bare = bare.removesuffix(bare[len(bare) - len(suffix) :])
        try:
            found = [(text, field, spec or "", conversion) for text, field, spec, conversion in Formatter().parse(bare)]
        except ValueError as error:
            raise UsageError(f"--name {text!r}: {error}: write it like {{id}}_{{row:04}}{SUFFIX}") from error
        for literal, field, spec, conversion in found:
            _require_meant(text, literal, field, spec, conversion)
        parts = tuple((literal, field or "", spec) for literal, field, spec, _ in found)
        if not parts:
            raise UsageError("--name: it is empty: write it like {id}_{row:04}.mp4")
        return cls(parts)

    @property
    def columns(self) -> list[str]:
        """The titles of the columns that it names."""
        return [spec for _, field, spec in self.parts if field == "column"]

    def plan(self, value: Callable[[str], str], row: int, columns: Mapping[str, str]) -> str:
        """The name of one row's video without its suffix, as far as it is known before there is one.

        Args:
            value: gives the text of a field: `id`, `prompt`, `duration`.
            row: as the spreadsheet numbers it.
            columns: the cells of `columns`, by title.
        """
        return safe(
            "".join(literal + self._field(field, spec, value, row, columns) for literal, field, spec in self.parts)
        )

    @staticmethod
    def _field(field: str, spec: str, value: Callable[[str], str], row: int, columns: Mapping[str, str]) -> str:
        match field:
            case "":
                return ""
            case "row":
                return format(row, spec)
            case "request_id":
                return REQUEST_ID
            case "take":
                return TAKE
            case "column":
                return fit(columns[spec])
            case "prompt":
                return slug(value(field))
            case _:
                return fit(value(field))


def _require_meant(text: str, literal: str, field: str | None, spec: str, conversion: str | None) -> None:
    if bad := sorted(_UNFIT & {*literal} | {char for char in literal if not char.isprintable()}):
        raise UsageError(
            f"--name {text!r}: {bad[0]!r} cannot stand in the name of a file (--download names the folder)"
        )
    if field is None:
        return
    if field not in FIELDS or conversion:
        raise UsageError(
            f"--name {text!r}: there is no {{{field}}}: there are {{{'}, {'.join(FIELDS[:-1])}}}, {{column:TITLE}}"
        )
    if field == "column" and not spec:
        raise UsageError(f"--name {text!r}: {{column}} needs a title: {{column:Shot}}")
    if (field not in ("row", "column") and spec) or (field == "row" and not re.fullmatch(r"(0?[1-9])?", spec)):
        raise UsageError(
            f"--name {text!r}: {{{field}:{spec}}} cannot be meant: a width goes with the row only, {{row:04}}"
        )


def finished(planned: str, request_id: str, take: int, nth: int = 1, suffix: str = SUFFIX) -> str:
    """The whole name of a video's file.

    Args:
        planned: as `NameTemplate.plan` gives it.
        take: which of the row's videos it is; a later one than the first is called so, unless the template says it.
        nth: above 1 where all names before are another's.
    """
    stem = safe(planned.replace(REQUEST_ID, fit(request_id)).replace(TAKE, str(take)))
    later = f"_take{take}" if take > 1 and TAKE not in planned else ""
    return f"{stem}{later}{'' if nth == 1 else f'_{nth}'}{suffix}"


def fit(text: str) -> str:
    """A cell's text with nothing in it that a file system, a shell or a terminal takes for something else."""
    composed = unicodedata.normalize("NFC", text)
    return " ".join("".join(char if _harmless(char) else "_" for char in composed).split())


def slug(text: str) -> str:
    """The first words of a text, joined by hyphens."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text).casefold())
    short = ""
    for word in words:
        if short and len(short) + 1 + len(word) > SLUG_LENGTH:
            break
        short = f"{short}-{word}" if short else word[:SLUG_LENGTH]
    return short


def safe(stem: str) -> str:
    """A stem that every file system takes, also one that has been put together of fit pieces."""
    name = _cut(stem.lstrip(". ").rstrip(". "))
    if not name:
        return "video"
    if name[0] in "-~":  # an option to most programs, a home to a shell
        name = f"_{name[1:]}"
    return _cut(f"_{name}") if _RESERVED.fullmatch(name.split(".")[0].rstrip(" ")) else name


def name_key(name: str) -> str:
    """Equal for names that some file system takes for one: case and Unicode form do not tell them apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _cut(stem: str) -> str:
    size, kept = 0, []
    for char in stem:
        size += _SPACE.get(char, len(char.encode("utf-8", "replace")))
        if size > MOST_BYTES:
            break
        kept.append(char)
    return "".join(kept).rstrip(". ")


def _harmless(char: str) -> bool:
    return char not in _UNFIT and unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
