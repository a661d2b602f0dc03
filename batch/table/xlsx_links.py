"""Makes cells of a worksheet links: ours are made anew with each save, the user's stay as they are."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from batch.table.xlsx_references import RELATIONSHIPS, as_range
from batch.table.xml_scan import Element, attributes, elements, escaped, root_of

MOST_LINKS = 65_530
"""In a sheet (Excel's specifications)."""
LONGEST_LINK = 2_079
"""Characters of an address that Excel opens."""
_ADDRESS = re.compile(r"(?:https?|file)://[^\s<>\"{}|\\^`\x00-\x20]+", re.IGNORECASE)
_EMPTY_PART = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>'
)


@dataclass(frozen=True, slots=True)
class Link:
    """A cell and where it leads."""

    cell: str
    address: str

    @property
    def id(self) -> str:
        """The same in every save, so that equal results make equal bytes."""
        return f"klingBatch{self.cell}"


def link_to(cell: str, text: str) -> Link | None:
    """The link of a cell with this text: a web address or a path; None where it is neither."""
    if _ADDRESS.fullmatch(text):
        address = quote(text, safe="%/:=&?~#+!$,;'@()*[]-._")
    elif "://" in text or not text.strip():
        return None
    else:
        address = quote(text.replace("\\", "/"), safe="/-._~()!$,'")
    return Link(cell, address) if len(address) <= LONGEST_LINK else None


def is_ours(link: Element, columns: Collection[int], below: int) -> bool:
    """Whether a `<hyperlink>` stands in one cell of these columns, below the titles."""
    told = attributes(link.attributes)
    found = as_range(told.get("ref", ""))
    return (
        found is not None
        and found.left == found.right
        and found.top == found.bottom
        and found.left in columns
        and found.top > below
    )


def relationship_id(raw: bytes) -> str | None:
    """The `r:id` of a tag, whatever its prefix is."""
    return next((value for name, value in attributes(raw).items() if name.endswith(":id")), None)


def hyperlinks(prefix: bytes, root_prefix: bytes | None, kept: Iterable[bytes], links: Sequence[Link]) -> bytes:
    """The `<hyperlinks>` element: those of the user's in their own bytes, then ours; nothing where there are none.

    Args:
        prefix: of the names of the sheet's elements.
        root_prefix: what the root declares for relationships; None: nothing, so that each link declares it.
    """
    declared = b"" if root_prefix is not None else b' xmlns:r="%s"' % RELATIONSHIPS.encode()
    name = (root_prefix or b"r") + b":id"
    ours = [
        b'<%shyperlink%s ref="%s" %s="%s"/>' % (prefix, declared, link.cell.encode(), name, link.id.encode())
        for link in links
    ]
    inside = b"".join((*kept, *ours))
    return b"<%shyperlinks>%s</%shyperlinks>" % (prefix, inside, prefix) if inside else b""


def with_relationships(part: bytes | None, dropped: Collection[str], links: Sequence[Link]) -> bytes | None:
    """The part that lists what the sheet refers to, with our links; None: there need be none.

    Args:
        part: as it stands; None: there is none.
        dropped: the ids of links of ours that are made anew.
    """
    if part is None and not links:
        return None
    data = part or _EMPTY_PART
    root = root_of(data)
    prefix = root.name[: -len(root.local)]
    inside = b"".join(_kept(data, root, dropped))
    ours = b"".join(
        b'<%sRelationship Id="%s" Type="%s/hyperlink" Target="%s" TargetMode="External"/>'
        % (prefix, link.id.encode(), RELATIONSHIPS.encode(), escaped(link.address))
        for link in links
    )
    tag = data[root.start : root.content]
    if root.empty:
        tag = tag.removesuffix(b"/>").rstrip() + b">"
    return data[: root.start] + tag + inside + ours + b"</%s>" % root.name + data[root.end :]


def _kept(data: bytes, root: Element, dropped: Collection[str]) -> Iterator[bytes]:
    at = root.content
    for child in elements(data, root.content, root.close):
        if attributes(child.attributes).get("Id") in dropped:
            yield data[at : child.start]
            at = child.end
    yield data[at : root.close]


def declared_prefix(root_tag: bytes) -> bytes | None:
    """The prefix by which the root of a sheet knows relationships."""
    told = attributes(root_tag)
    return next(
        (name[6:].encode() for name, value in told.items() if name.startswith("xmlns:") and value == RELATIONSHIPS),
        None,
    )
