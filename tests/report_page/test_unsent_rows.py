"""Rows that cannot be sent: what they ask for is read from the table, where it can be."""

from pathlib import Path

from batch.report_page.unsent_rows import unsent_inputs
from tests.support.sheets import batch

TABLE = "id,prompt,image,note\na,one,x.png,mine\nb,two,y.png,\n"


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    """The inputs, and nothing of what is the user's own business."""
    manifest = batch(tmp_path, TABLE).manifest
    assert unsent_inputs(manifest, {3}) == {3: {"prompt": "two", "image_url": "y.png"}}
    assert unsent_inputs(manifest, ()) == {}


def test_a_table_that_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    """It is gone, is none any more, or has lost a column since."""
    given = batch(tmp_path, TABLE).manifest
    for content in (b"", b"\0\0\0", b"nothing\nhere\n"):
        given.path.write_bytes(content)
        assert unsent_inputs(given, {2}) == {}
    given.path.unlink()
    assert unsent_inputs(given, {2}) == {}
