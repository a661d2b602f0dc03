"""Reads XML as the bytes it is: proven well-formed and harmless, then split into elements. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from xml.parsers import expat


class XmlError(Exception):
    """A part that cannot be read; the message goes on from its name."""


class XmlGuard:
    """Proves a document as it passes by: well-formed, UTF-8, and without a document type and the entities in one.

    What it has let through can be split into tags by patterns: no other reading of it is possible.
    """

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartDoctypeDeclHandler = _refuse_doctype
        self._parser.XmlDeclHandler = _require_utf8
        self._begun = False

    def feed(self, data: bytes) -> None:
        """The next bytes. Raises XmlError."""
        if not self._begun:
            self._begun = True
            if b"\0" in data[:4] or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise XmlError("is written in UTF-16, which cannot be edited here")
        self._parse(data, final=False)

    def close(self) -> None:
        """There are no more. Raises XmlError."""
        self._parse(b"", final=True)

    def _parse(self, data: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(data, final)
        except expat.ExpatError as fault:
            raise XmlError(f"is no well-formed XML ({fault})") from fault


def _refuse_doctype(*_: object) -> None:
    raise XmlError("has a document type, which no workbook needs and which may do harm")


def _require_utf8(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding and encoding.casefold().replace("-", "") not in ("utf8", "usascii", "ascii"):
        raise XmlError(f"is written in {encoding}, which cannot be edited here")


def guarded(stream: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, each proven before it is handed on, and the end at the end. Raises XmlError."""
    guard = XmlGuard()
    for block in stream:
        guard.feed(block)
        yield block
    guard.close()


_ATTRIBUTES = rb"""[^"'/>]*+(?:(?:"[^"]*+"|'[^']*+'|/(?!>))[^"'/>]*+)*+"""
TOKEN = re.compile(
    rb"<(?:!--.*?-->|!\[CDATA\[.*?\]\]>|\?.*?\?>|(?P<end>/?)(?P<name>[^\s/>!?]+)(?P<attributes>"
    + _ATTRIBUTES
    + rb")(?P<empty>/?)>)",
    re.DOTALL,
)
"""A tag, or what holds no tags: a comment, a CDATA section, an instruction (they have no name)."""
_ATTRIBUTE = re.compile(rb"""([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


class Element(NamedTuple):
    """An element in some bytes, by its places in them."""

    name: bytes
    """As it stands, with its prefix."""
    attributes: bytes
    start: int
    content: int
    """Where its start tag ends."""
    close: int
    """Where its end tag begins; with an empty tag (`<a/>`) both are its end."""
    end: int

    @property
    def local(self) -> bytes:
        """The name without a prefix."""
        return self.name.rpartition(b":")[2]

    @property
    def empty(self) -> bool:
        """Whether it is one tag."""
        return self.content == self.end


def elements(data: bytes, at: int = 0, end: int | None = None) -> Iterator[Element]:
    """The elements that stand side by side in well-formed bytes, without those inside them.

    Stops at an end tag that none of them has opened.
    """
    stop = len(data) if end is None else end
    while at < stop and (opened := TOKEN.search(data, at, stop)):
        at = opened.end()
        if opened["name"] is None:
            continue
        if opened["end"]:
            return
        close = at
        if not opened["empty"]:
            close, at = _close(data, at, stop)
        yield Element(opened["name"], opened["attributes"], opened.start(), opened.end(), close, at)


def root_of(data: bytes) -> Element:
    """The one element of a well-formed document; found from both its ends, however much is between them."""
    opened = next((token for token in TOKEN.finditer(data) if token["name"] is not None), None)
    if opened is None:
        raise XmlError("is no well-formed XML (it is empty)")
    at = data.rfind(b"</")
    if opened["empty"] or not re.fullmatch(rb"</%s\s*>\s*" % re.escape(opened["name"]), data[max(at, 0) :]):
        return next(elements(data))
    return Element(opened["name"], opened["attributes"], opened.start(), opened.end(), at, data.index(b">", at) + 1)


def _close(data: bytes, at: int, stop: int) -> tuple[int, int]:
    """Where the end tag of the element stands in which `at` is."""
    depth = 1
    for token in TOKEN.finditer(data, at, stop):
        if token["name"] is None or token["empty"]:
            continue
        depth += -1 if token["end"] else 1
        if not depth:
            return token.start(), token.end()
    raise XmlError("is no well-formed XML (an element without an end)")


def attributes(raw: bytes) -> dict[str, str]:
    """The attributes of a tag, with the prefixes of their names."""
    return {name.decode(): unescaped(one or other) for name, one, other in _ATTRIBUTE.findall(raw)}


def with_attribute(tag: bytes, name: str, value: str) -> bytes:
    """A start tag with another value of an attribute, which is added where it is missing."""
    new = b'%s="%s"' % (name.encode(), escaped(value).replace(b'"', b"&quot;"))
    pattern = rb"""(?<=\s)%s\s*=\s*(?:"[^"]*"|'[^']*')""" % re.escape(name.encode())
    changed, times = re.subn(pattern, new.replace(b"\\", b"\\\\"), tag, count=1)
    if times:
        return changed
    at = len(tag) - (2 if tag.endswith(b"/>") else 1)
    return tag[:at].rstrip() + b" " + new + tag[at:]


_NAMED = {b"amp": "&", b"lt": "<", b"gt": ">", b"quot": '"', b"apos": "'"}
_REFERENCE = re.compile(rb"&(#x[0-9A-Fa-f]+|#[0-9]+|\w+);")


def unescaped(raw: bytes) -> str:
    """The text that stands in well-formed bytes without tags."""
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"&" not in raw:
        return raw.decode()
    return _REFERENCE.sub(_referred, raw).decode()


def _referred(found: re.Match[bytes]) -> bytes:
    name = found[1]
    if name.startswith(b"#x"):
        return chr(int(name[2:], 16)).encode()
    return (chr(int(name[1:])) if name.startswith(b"#") else _NAMED[name]).encode()


def escaped(text: str) -> bytes:
    """A text as it may stand between tags."""
    raw = text.encode()
    if b"&" in raw or b"<" in raw or b">" in raw:
        raw = raw.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    return raw


def text_of(data: bytes) -> str:
    """The text of well-formed bytes, tags left out, CDATA sections read."""
    if b"<" not in data:
        return unescaped(data)
    found, at = [], 0
    for token in TOKEN.finditer(data):
        found.append(unescaped(data[at : token.start()]))
        if token[0].startswith(b"<![CDATA["):
            found.append(token[0][9:-3].replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode())
        at = token.end()
    return "".join((*found, unescaped(data[at:])))
