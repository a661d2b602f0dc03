"""Writes and reads the texts of a workbook: escapes, rich text, strings that cells share. Pure."""

import re
from collections.abc import Iterable, Iterator

from batch.table.xml_scan import (
    Element,
    XmlError,
    attributes,
    elements,
    escaped,
    root_of,
    text_of,
    unescaped,
    with_attribute,
)

LONGEST = 32_767
"""Characters in a cell (Excel's specifications)."""
MOST_STRINGS = 8_000_000
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_MUST_ESCAPE = re.compile(r"[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def decoded(text: str) -> str:
    """A text as Excel shows it: `_x000D_` is a sign by its number (ECMA-376 part 1, 22.9.2.19)."""
    if "_x" not in text:
        return text
    text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _SURROGATES.search(text) else text


def storable(text: str) -> str:
    """The text as a cell can hold it: not longer, and without halves of letters."""
    if _SURROGATES.search(text):
        text = text.encode("utf-8", "replace").decode()
    return text[:LONGEST]


def text_element(text: str, prefix: bytes) -> bytes:
    """`<t>` for a text that can be stored."""
    raw = escaped(_MUST_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", text))
    # Blanks at the ends are lost without it, and so are line breaks in some programs.
    space = b' xml:space="preserve"' if text != text.strip() or "\n" in text else b""
    return b"<%st%s>%s</%st>" % (prefix, space, raw, prefix)


def rich_text(data: bytes, at: int, end: int) -> str:
    """The text of an `<si>` or `<is>`, without what says how it is pronounced."""
    found = []
    for element in elements(data, at, end):
        if element.local == b"t":
            found.append(text_of(data[element.content : element.close]))
        elif element.local == b"r":
            found.append(rich_text(data, element.content, element.close))
    return "".join(map(decoded, found))


class SharedStrings:
    """The texts that the cells of a workbook refer to by number."""

    def __init__(self, part: bytes) -> None:
        """Read the part, which is well-formed. Raises XmlError."""
        root = root_of(part)
        if root.local != b"sst":
            raise XmlError("holds no texts")
        self._part, self._root = part, root
        self._prefix = root.name[: -len(root.local)]
        self.texts: list[str] = []
        self._rich: set[int] = set()
        self._places: dict[str, int] | None = None
        self.known = 0
        """How many of them the part holds; what stands behind them was appended."""
        for text, plain in self._items():
            if not plain:
                self._rich.add(len(self.texts))
            self.texts.append(text)
            if len(self.texts) > MOST_STRINGS:
                raise XmlError(f"holds more than {MOST_STRINGS:,} texts")
        self.known = len(self.texts)

    def number(self, text: str) -> int:
        """By which a cell refers to this text, which can be stored; a new one is appended."""
        if self._places is None:
            pairs = enumerate(self.known_texts)
            self._places = {}
            for at, known in pairs:
                if at not in self._rich:
                    self._places.setdefault(known, at)
        found = self._places.get(text)
        if found is None:
            found = self._places[text] = len(self.texts)
            self.texts.append(text)
        return found

    @property
    def known_texts(self) -> list[str]:
        """Those that the part holds."""
        return self.texts[: self.known]

    def forget_new(self) -> None:
        """Another save begins: what the last one appended is not in the file that was opened."""
        del self.texts[self.known :]
        self._places = None

    @property
    def grown(self) -> bool:
        """Whether texts were appended."""
        return len(self.texts) > self.known

    def written(self) -> Iterator[bytes]:
        """The part with the texts that were appended."""
        root, part, new = self._root, self._part, self.texts[self.known :]
        tag = part[root.start : root.content]
        told = attributes(root.attributes)
        if "uniqueCount" in told:
            tag = with_attribute(tag, "uniqueCount", str(len(self.texts)))
        if told.get("count", "").isdigit():
            tag = with_attribute(tag, "count", str(int(told["count"]) + len(new)))
        if root.empty:
            tag = tag.removesuffix(b"/>").rstrip() + b">"
        at = self._end_of_items()
        yield part[: root.start] + tag + part[root.content : at]
        yield from self._new_items(new)
        yield part[at:] if not root.empty else b"</%s>" % root.name + part[root.end :]

    def _new_items(self, new: Iterable[str]) -> Iterator[bytes]:
        for text in new:
            yield b"<%ssi>%s</%ssi>" % (self._prefix, text_element(text, self._prefix), self._prefix)

    def _end_of_items(self) -> int:
        """Before what may stand behind them (`extLst`), else before the end tag."""
        last = self._part.rfind(b"extLst", self._root.content, self._root.close)
        if last < 0:
            return self._root.close
        return next(
            (one.start for one in self._children() if one.local == b"extLst"),
            self._root.close,
        )

    def _children(self) -> Iterator[Element]:
        return elements(self._part, self._root.content, self._root.close)

    def _items(self) -> Iterator[tuple[str, bool]]:
        """Each text, and whether it is nothing but that."""
        part, at, end = self._part, self._root.content, self._root.close
        simple = _simple_item(self._prefix)
        while at < end:
            found = simple.match(part, at, end)
            if found:
                at = found.end()
                yield decoded(unescaped(found[1])), True
                continue
            opened = next(elements(part, at, end), None)
            if opened is None:
                return
            at = opened.end
            if opened.local == b"si":
                inside = list(elements(part, opened.content, opened.close))
                plain = [one.local for one in inside] == [b"t"]
                yield rich_text(part, opened.content, opened.close), plain


def _simple_item(prefix: bytes) -> re.Pattern[bytes]:
    tag = re.escape(prefix)
    return re.compile(rb'\s*+<%ssi><%st(?: xml:space="preserve")?>([^<]*+)</%st></%ssi>' % (tag, tag, tag, tag))
