"""Shows what is in a text, and lets a terminal obey none of it. Pure."""

import unicodedata

_KEPT = {"\u200c", "\u200d"}
"""Joiners: scripts and emoji need them, and they move nothing."""


def shown(text: str) -> str:
    """The text with its newlines; every other control character, direction mark and half character as `\\u001b`."""
    return text if _plain(text) else "\n".join(map(one_line, text.split("\n")))


def one_line(text: str) -> str:
    """The same for one line of ours, whatever names and words of others stand in it: `\\u000a` for a newline."""
    return text if _plain(text, newline=False) else "".join(char if _harmless(char) else _code(char) for char in text)


def _plain(text: str, *, newline: bool = True) -> bool:
    """Most texts are, and are told so at once."""
    return text.isascii() and (text.replace("\n", "") if newline else text).isprintable()


def _harmless(char: str) -> bool:
    return char in _KEPT or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _code(char: str) -> str:
    """As JSON writes it, so that JSON stays JSON."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
