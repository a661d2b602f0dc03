"""What Arrow and pandas noted of the columns: ours are in it, and the user's stay."""

import base64
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch.errors import ManifestError
from batch.table import open_table
from batch.table.parquet_footer import KEY_VALUES, key_value
from batch.table.thrift_compact import STRUCT
from tests.support.parquet_files import DONE, NAMES, OURS, contents, saved, with_footer, written

FIELDS = [
    pa.field("prompt", pa.large_string(), metadata={b"comment": b"what to show"}),
    pa.field("kind", pa.dictionary(pa.int8(), pa.string(), ordered=True)),
    pa.field("wait", pa.duration("s"), nullable=False),
    pa.field("at", pa.timestamp("ms", "Europe/Berlin")),
]
TABLE = pa.table(
    [["a"], pa.array(["x"]).dictionary_encode().cast(FIELDS[1].type), [5], [0]],
    schema=pa.schema(FIELDS, {b"owner": b"anna"}),
)


def put(folder: Path, data: bytes) -> Path:
    path = folder / "shots.parquet"
    path.write_bytes(data)
    return path


def test_arrow_finds_the_users_types_again(tmp_path: Path) -> None:
    """All of them, with the fields' and the schema's metadata, and ours behind."""
    path = put(tmp_path, written(TABLE))
    saved(path, [DONE])
    schema = pq.read_schema(path)
    assert [schema.field(at) for at in range(4)] == FIELDS
    assert schema.field(0).metadata == FIELDS[0].metadata
    assert (schema.metadata or {})[b"owner"] == b"anna"
    assert schema.names == [*TABLE.column_names, *NAMES]


def test_pandas_finds_a_note_for_each_of_ours(tmp_path: Path) -> None:
    """In place of the one that it had for a column of the same name; index and attributes stay."""
    frame = pd.DataFrame({"prompt": ["a"], "status": [None]}, index=pd.Index(["k"], name="key"))
    frame.attrs["owner"] = "anna"
    path = tmp_path / "shots.parquet"
    frame.to_parquet(path)
    before = json.loads((pq.read_schema(path).metadata or {})[b"pandas"])
    saved(path, [DONE])
    after = json.loads((pq.read_schema(path).metadata or {})[b"pandas"])
    assert {**after, "columns": None} == {**before, "columns": None}
    notes = {note["field_name"]: note for note in after["columns"]}
    assert list(notes) == ["prompt", "status", "key", *NAMES[1:]]
    assert notes["finished_at"]["metadata"] == {"timezone": "UTC"}
    assert notes["attempts"]["numpy_type"] == "Int64"
    assert pd.read_parquet(path).attrs == {"owner": "anna"}


def test_where_nothing_was_noted_nothing_is(tmp_path: Path) -> None:
    """Types of our own are in the schema that all readers know."""
    path = put(tmp_path, written(TABLE, store_schema=False))
    saved(path, [DONE])
    assert set(pq.read_metadata(path).metadata or {}) == {b"kling-batch"}


@pytest.mark.parametrize(("schema", "message"), [
    (b"", "has a schema of Arrow's that cannot be read here"),
    (base64.b64encode(pa.schema(FIELDS[:2]).serialize().to_pybytes()), "has a schema of Arrow's with 2 columns for 4"),
])  # fmt: skip
def test_a_schema_of_arrows_that_fits_not_is_refused(schema: bytes, message: str, tmp_path: Path) -> None:
    """Before anything is written; the file can still be read."""
    tree = contents(written(TABLE)).footer.tree.copy()
    tree.put_list(KEY_VALUES, STRUCT, [key_value(b"ARROW:schema", schema)])
    table = open_table(put(tmp_path, with_footer(written(TABLE), tree)))
    assert [record.cells[0] for record in table.records()] == ["a"]
    with pytest.raises(ManifestError, match=message):
        table.require_writable(OURS)


@pytest.mark.parametrize("note", [b"", b"7", b'{"columns": 5}', b'{"columns": [3]}', b"\xff"])
def test_a_note_of_pandas_that_it_cannot_read_stays(note: bytes, tmp_path: Path) -> None:
    """It is the user's."""
    tree = contents(written(TABLE)).footer.tree.copy()
    tree.put_list(KEY_VALUES, STRUCT, [key_value(b"pandas", note)])
    path = put(tmp_path, with_footer(written(TABLE), tree))
    saved(path, [DONE])
    assert (pq.read_metadata(path).metadata or {})[b"pandas"] == note
