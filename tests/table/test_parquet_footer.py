"""The footer: which bytes are the user's, and what is refused before anything is spent."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.errors import ManifestError
from batch.table import open_table
from batch.table.parquet_footer import (
    COLUMNS,
    CRYPTO,
    ENCRYPTION,
    FILE_PATH,
    META_DATA,
    NUM_ROWS,
    ROW_GROUPS,
    SCHEMA,
    SEAL,
    FooterError,
    ending,
    key_value,
    sealed,
)
from batch.table.thrift_compact import BINARY, I64, STRUCT, Struct, decode
from tests.support.parquet_files import (
    DONE,
    NAMES,
    OPEN,
    contents,
    footer_bytes,
    saved,
    with_footer,
    written,
)

TABLE = pa.table({"prompt": ["a", "b"], "image": ["x", "y"]})
PLAIN = written(TABLE)


def put(folder: Path, data: bytes) -> Path:
    path = folder / "shots.parquet"
    path.write_bytes(data)
    return path


def test_a_file_of_somebody_elses_is_the_users_whole() -> None:
    """Whatever it has, with columns of our names too."""
    found = contents(PLAIN)
    assert (found.users.end, found.ours, found.footer.rows) == (len(PLAIN), (), [2])


def test_a_file_of_ours_says_where_the_users_part_ends(tmp_path: Path) -> None:
    """And which columns are ours."""
    found = contents(saved(put(tmp_path, PLAIN), [DONE, OPEN]))
    assert (found.users.end, found.ours) == (len(PLAIN), NAMES)
    assert found.users.tree == contents(PLAIN).footer.tree


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_footer_that_was_touched_is_the_users(data: st.DataObject) -> None:
    """One other byte in it breaks the seal: what it says of the user's part counts no more."""
    raw = sealed(contents(PLAIN).footer.tree, len(PLAIN), NAMES)
    good = PLAIN + raw + ending(raw)
    assert contents(good).users.end == len(PLAIN)
    spoilt = bytearray(good)
    spoilt[data.draw(st.integers(len(PLAIN), len(PLAIN) + len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(FooterError):  # or it is damaged
        assert contents(bytes(spoilt)).users.end == len(good)


@pytest.mark.parametrize("entry", [
    b"", b"null", b"7", b"{", b'{"prefix": 5}', b'{"prefix": "x", "columns": 1, "footer": 2}', b"\xff",
    b'{"prefix": 9, "columns": [], "footer": "' + b"\xc3\xbc" * 64 + b'"}',
])  # fmt: skip
def test_a_seal_that_is_none_is_the_users(entry: bytes) -> None:
    """Somebody's entry of the same name, in any form."""
    tree = contents(PLAIN).footer.tree.copy()
    tree.put_list(5, STRUCT, [key_value(SEAL, entry)])
    data = with_footer(PLAIN, tree)
    assert contents(data).users.end == len(data)


def group_with(change: Callable[[Struct], None]) -> Struct:
    """The footer with its first row group changed."""
    tree, _ = decode(footer_bytes(PLAIN))
    change((tree.listed(ROW_GROUPS, STRUCT) or [])[0])
    return tree


def chunk_with(field: int, wire_type: int, value: object) -> Struct:
    """The footer with a field more in the second chunk."""
    return group_with(lambda group: (group.listed(COLUMNS, STRUCT) or [])[1].put(field, wire_type, value))


def tree_with(field: int, wire_type: int, value: object) -> Struct:
    tree, _ = decode(footer_bytes(PLAIN))
    tree.put(field, wire_type, value)
    return tree


@pytest.mark.parametrize(("tree", "message"), [
    (tree_with(ENCRYPTION, STRUCT, Struct()), "has a signed footer, which nothing may be added to"),
    (chunk_with(CRYPTO, STRUCT, Struct()), "has an encrypted column, 'image'; save it without encryption"),
    (chunk_with(FILE_PATH, BINARY, b"other.parquet"), "has its column 'image' in another file"),
    (group_with(lambda group: group.put(NUM_ROWS, I64, 65 << 20)), "rows in row group 1: write it with at most"),
    (group_with(lambda group: group.put(NUM_ROWS, I64, -1)), "is damaged (its footer: row group 1 has -1 rows"),
    (group_with(lambda group: group.put_list(COLUMNS, STRUCT, [])), "0 of 2 columns); write it again"),
    (group_with(lambda group: (group.listed(COLUMNS, STRUCT) or [])[0].fields.pop(META_DATA)), "field 3 is missing"),
    (tree_with(SCHEMA, I64, 5), "is damaged (its footer: field 2 is of type 6, not 9); write it again"),
    (Struct(), "is damaged (its footer: it has no schema); write it again"),
])  # fmt: skip
def test_what_cannot_be_written_back_is_refused(tree: Struct, message: str, tmp_path: Path) -> None:
    """When it is opened, so by `check` too, with the reason and what to do; only damage is called so."""
    path = put(tmp_path, with_footer(PLAIN, tree))
    with pytest.raises(ManifestError) as caught:
        open_table(path)
    assert str(caught.value).startswith(f"{path} ")
    assert message in str(caught.value)


@pytest.mark.parametrize("data", [
    b"PAR1", b"PAR1PAR1", PLAIN[:-1], PLAIN + b"\0", PLAIN[:-8] + b"\xff\xff\xff\x7fPAR1", PLAIN[:-8] + b"\0\0\0\0PAR1",
    PLAIN[:4] + b"\x1c" * 5000 + (5000).to_bytes(4, "little") + b"PAR1",
])  # fmt: skip
def test_a_file_without_its_footer_is_damaged(data: bytes, tmp_path: Path) -> None:
    """Cut, longer, or with a length that cannot be."""
    with pytest.raises(ManifestError, match=r"shots\.parquet is damaged \(.*\); write it again"):
        open_table(put(tmp_path, data))


def test_an_encrypted_file_says_so(tmp_path: Path) -> None:
    """By its last bytes also where the first ones do not tell."""
    with pytest.raises(ManifestError, match="encrypted Parquet file; save it without encryption"):
        open_table(put(tmp_path, PLAIN[:-4] + b"PARE"))
