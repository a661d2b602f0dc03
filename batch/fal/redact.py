"""Makes foreign text fit to be shown and kept: no key, no control character, not too long. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

MESSAGE_LENGTH = 500
TYPE_LENGTH = 80
SECRET_LENGTH = 12
"""A shorter key is nobody's secret (the sandbox takes any), and would be found in innocent words."""


def secrets_in(token: str) -> list[str]:
    """What must never be seen: the whole key, and each half of it."""
    return [secret for secret in (token, *token.split(":")) if len(secret) >= SECRET_LENGTH]


@dataclass(frozen=True, slots=True)
class Redactor:
    """Takes the secrets out: a service, or a proxy, may echo the key, and it must reach no file and no screen."""

    secrets: Sequence[str]

    def text(self, text: str) -> str:
        """The text as it is, but for the key."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    def line(self, text: str) -> str:
        """One line, and nothing in it that a terminal or a file would stumble over."""
        line = " ".join(self.text(text).split())
        return line if line.isprintable() else " ".join("".join(c if c.isprintable() else " " for c in line).split())

    def plain(self, text: str) -> bool:
        """Whether nothing in it would have to be taken out."""
        return bool(text) and self.line(text) == text

    def message(self, text: str) -> str:
        """One short line for a person."""
        line = self.line(text)
        return line if len(line) <= MESSAGE_LENGTH else line[: MESSAGE_LENGTH - 1] + "…"

    def error_type(self, *said: object) -> str | None:
        """The first of these that is the name of an error."""
        return next((name for one in said if isinstance(one, str) and (name := self.line(one)[:TYPE_LENGTH])), None)
