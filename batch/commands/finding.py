"""One finding about a setup: a line that says ok, warning or wrong, and what to do. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from batch.core.plain_text import one_line


class Level(StrEnum):
    """How bad it is; only what is wrong keeps a night from going well."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one thing.

    Args:
        remedy: what to do; empty where nothing has to be.
    """

    topic: str
    level: Level
    text: str
    remedy: str = ""

    def line(self) -> str:
        """For a person."""
        rest = f": {self.remedy}" if self.remedy else ""
        return one_line(f"{self.level:<8} {self.topic:<12} {self.text}{rest}")


def ok(topic: str, text: str) -> Finding:
    """Nothing has to be done."""
    return Finding(topic, Level.OK, text)


def warning(topic: str, text: str, remedy: str) -> Finding:
    """It will go, and may go otherwise than one thinks."""
    return Finding(topic, Level.WARNING, text, remedy)


def wrong(topic: str, text: str, remedy: str) -> Finding:
    """The night would not go well."""
    return Finding(topic, Level.WRONG, text, remedy)


def exit_code(findings: Sequence[Finding]) -> int:
    """1 where something is wrong."""
    return int(any(one.level is Level.WRONG for one in findings))


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """The same for a program."""
    return {"exit_code": exit_code(findings), "findings": [asdict(one) for one in findings]}
