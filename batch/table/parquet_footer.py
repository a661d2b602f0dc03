"""Reads the footer of a Parquet file, and tells which of the file's bytes are the user's.

Source: parquet-format, parquet.thrift. A file of ours is the user's file whole, its footer included, then our columns'
chunks, then a footer that has both. That footer is sealed: it says how long the user's part is and bears its own
digest, so that what any other program made of the file is the user's again, as it stands.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO

from batch.table.thrift_compact import BINARY, I32, I64, STRUCT, Struct, ThriftError, decode, encode

MAGIC = b"PAR1"
ENDING = 8
"""Bytes behind a footer: its length, and the magic."""
SEAL = b"kling-batch"
"""The key under which a footer of ours is sealed."""
LARGEST = (1 << 31) - 1
MOST_ROWS = 64 << 20
"""In a row group: pyarrow writes no larger ones."""

_NO_DIGEST = "0" * 64

# Fields of parquet.thrift, by struct.
SCHEMA, ROW_GROUPS, KEY_VALUES, COLUMN_ORDERS, ENCRYPTION, SIGNING_KEY = 2, 4, 5, 7, 8, 9
TYPE, NAME, CHILDREN = 1, 4, 5
COLUMNS, TOTAL_BYTE_SIZE, NUM_ROWS, SORTING, TOTAL_COMPRESSED_SIZE = 1, 2, 3, 4, 6
FILE_PATH, META_DATA, CRYPTO, ENCRYPTED_META_DATA = 1, 3, 8, 9
KEY, VALUE = 1, 2


class FooterError(Exception):
    """The file cannot be read, or not be written back; the message goes on where its name ends."""


@dataclass(frozen=True, slots=True)
class SchemaColumn:
    """A column of the table: a child of the schema's root, with all that is inside it."""

    index: int
    name: str
    elements: slice
    """In the schema's list."""
    leaves: slice
    """In the list of a row group's chunks."""
    flat: bool
    """Not nested: one element, one leaf."""


@dataclass(frozen=True, slots=True)
class Footer:
    """A footer that was read and examined: its tree adds up, and all of its columns are in this file, in the clear.

    The trees of equal footers are shared: they are never changed, but copied.
    """

    tree: Struct
    columns: Sequence[SchemaColumn]
    start: int
    """Where it begins in the file."""
    end: int
    """Where the file ends that it closes."""

    @property
    def schema(self) -> list[Struct]:
        """The elements of the schema, depth first."""
        return self.tree.listed(SCHEMA, STRUCT) or []

    @property
    def groups(self) -> list[Struct]:
        """The row groups."""
        return self.tree.listed(ROW_GROUPS, STRUCT) or []

    @property
    def rows(self) -> list[int]:
        """How many rows each row group has."""
        return [group.need(NUM_ROWS, I64) for group in self.groups]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a Parquet file consists of."""

    footer: Footer
    """Of the file as it stands."""
    users: Footer
    """Of the user's part, which ends where this one does; the same one where nothing is ours."""
    ours: Sequence[str]
    """The names of our columns in it."""


def read_contents(file: BinaryIO, size: int) -> Contents:
    """What is in a file of this many bytes.

    Raises:
        FooterError: it is damaged, or of a kind that cannot be written back.
        OSError: it cannot be read.
    """
    footer, raw = _read_footer(file, size)
    if seal := _seal(footer, raw):
        prefix, names = seal
        try:
            return Contents(footer, _read_footer(file, prefix)[0], names)
        except FooterError:  # it is no file of ours, whatever it says
            pass
    return Contents(footer, footer, ())


def sealed(tree: Struct, prefix: int, columns: Sequence[str]) -> bytes:
    """The bytes of a footer of ours.

    Args:
        prefix: how many bytes the user's part has.
        columns: the names of ours.

    Raises:
        FooterError: it would be too long.
    """
    text = json.dumps({"prefix": prefix, "columns": list(columns), "footer": _NO_DIGEST}).encode()
    tree = tree.copy()
    tree.put_list(KEY_VALUES, STRUCT, [*without_seal(tree), key_value(SEAL, text)])
    raw = encode(tree)
    if len(raw) > LARGEST:
        raise FooterError("has so many columns and row groups that its footer would be too long with ours")
    digest = hashlib.sha256(raw).hexdigest()
    at = raw.rindex(text)
    return raw[:at] + text.replace(_NO_DIGEST.encode(), digest.encode()) + raw[at + len(text) :]


def ending(raw: bytes) -> bytes:
    """What comes behind a footer of these bytes."""
    return len(raw).to_bytes(4, "little") + MAGIC


def without_seal(tree: Struct) -> list[Struct]:
    """The key-values, but for a seal."""
    return [one for one in tree.listed(KEY_VALUES, STRUCT) or [] if one.get(KEY, BINARY) != SEAL]


def key_value(key: bytes, value: bytes) -> Struct:
    """An entry of the key-value metadata."""
    return Struct({KEY: (BINARY, key), VALUE: (BINARY, value)})


def _seal(footer: Footer, raw: bytes) -> tuple[int, list[str]] | None:
    """What the seal says: the length of the user's part, our columns' names. None where it is none, or is broken."""
    found = [one for one in footer.tree.listed(KEY_VALUES, STRUCT) or [] if one.get(KEY, BINARY) == SEAL]
    try:
        told: dict[str, Any] = json.loads(found[-1].need(VALUE, BINARY)) if found else {}
        prefix, names, digest = told["prefix"], told["columns"], told["footer"]
        written = digest.encode("ascii")
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    whole = len(written) == len(_NO_DIGEST) and raw.count(written) == 1
    if not whole or hashlib.sha256(raw.replace(written, _NO_DIGEST.encode())).hexdigest() != digest:
        return None
    return (prefix, names) if 0 < prefix <= footer.start else None


def _read_footer(file: BinaryIO, end: int) -> tuple[Footer, bytes]:
    """The footer of the file that ends there, and its bytes."""
    if end < len(MAGIC) + ENDING:
        raise FooterError("is damaged (it is too short to be a Parquet file); write it again")
    file.seek(end - ENDING)
    last = file.read(ENDING)
    if last[4:] == b"PARE":
        raise FooterError("is an encrypted Parquet file; save it without encryption")
    start = end - ENDING - int.from_bytes(last[:4], "little")
    if last[4:] != MAGIC or start < len(MAGIC):
        raise FooterError("is damaged (it does not end in a Parquet footer); write it again")
    file.seek(start)
    raw = file.read(end - ENDING - start)
    try:
        tree, columns = _examined(raw)
    except ThriftError as fault:
        raise FooterError(f"is damaged (its footer: {fault}); write it again") from fault
    return Footer(tree, columns, start, end), raw


@lru_cache(maxsize=2)  # a run opens its table every so often: the user's footer is mostly the same
def _examined(raw: bytes) -> tuple[Struct, Sequence[SchemaColumn]]:
    tree, _ = decode(raw)  # behind it some writers leave the rest of a longer one
    if {ENCRYPTION, SIGNING_KEY} & tree.fields.keys():
        raise FooterError("has a signed footer, which nothing may be added to; save it without encryption")
    columns = _schema_columns(tree.listed(SCHEMA, STRUCT) or [])
    titles = [one.name for one in columns for _ in range(one.leaves.start, one.leaves.stop)]
    for number, group in enumerate(tree.listed(ROW_GROUPS, STRUCT) or [], 1):
        _examine_group(group, number, titles)
    for one in tree.listed(KEY_VALUES, STRUCT) or []:
        one.need(KEY, BINARY)
        one.get(VALUE, BINARY)
    return tree, columns


def _schema_columns(schema: list[Struct]) -> list[SchemaColumn]:
    if not schema:
        raise ThriftError("it has no schema")
    columns: list[SchemaColumn] = []
    at, leaf = 1, 0
    for index in range(_children(schema[0])):
        first, first_leaf, unfinished = at, leaf, 1
        while unfinished:
            if at == len(schema):
                raise ThriftError("its schema ends too early")
            children = _children(schema[at])
            unfinished += children - 1
            leaf += not children and TYPE in schema[at].fields
            at += 1
        name = schema[first].need(NAME, BINARY).decode("utf-8", "backslashreplace")
        flat = at == first + 1 and leaf == first_leaf + 1
        columns.append(SchemaColumn(index, name, slice(first, at), slice(first_leaf, leaf), flat))
    if at != len(schema):
        raise ThriftError("its schema has elements that belong nowhere")
    return columns


def _children(element: Struct) -> int:
    children: int = element.get(CHILDREN, I32) or 0
    if children < 0:
        raise ThriftError(f"an element of its schema has {children} children")
    return children


def _examine_group(group: Struct, number: int, titles: Sequence[str]) -> None:
    rows = group.need(NUM_ROWS, I64)
    chunks = group.listed(COLUMNS, STRUCT) or []
    if rows < 0 or len(chunks) != len(titles):
        raise ThriftError(f"row group {number} has {rows} rows and {len(chunks)} of {len(titles)} columns")
    if rows > MOST_ROWS:
        raise FooterError(f"has {rows:,} rows in row group {number}: write it with at most {MOST_ROWS:,} in each")
    for chunk, title in zip(chunks, titles, strict=True):
        if {CRYPTO, ENCRYPTED_META_DATA} & chunk.fields.keys():
            raise FooterError(f"has an encrypted column, {title!r}; save it without encryption")
        if FILE_PATH in chunk.fields:
            raise FooterError(f"has its column {title!r} in another file: give that one, or all in one file")
        chunk.need(META_DATA, STRUCT)
