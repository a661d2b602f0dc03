"""The list of a cut: another program reads from it what was written, and finds no formula."""

import csv
import io
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from batch.export.cut_list import HEADER, cut_list, is_cut_list, listed_files
from tests.export.test_clips import CLIP

text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(text, text)
def test_what_is_listed_is_read_again(prompt: str, note: str) -> None:
    """Cells that would be formulas are texts; whatever the prompt holds."""
    content = cut_list([replace(CLIP, prompt=prompt, note=note)], ["s1.mp4"])
    (row,) = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert row["prompt"].removeprefix("'") == prompt.removeprefix("'") or row["prompt"] == prompt
    assert not row["prompt"].startswith(("=", "+", "-", "@"))
    assert (row["order"], row["seconds"], row["take"]) == ("1", "5.04", "1")
    assert listed_files(content) == {"s1.mp4": "r1"}


def test_only_such_a_list_is_taken_for_one() -> None:
    """A list of somebody else's tells nothing of ours."""
    assert is_cut_list(",".join(HEADER).encode())
    assert not is_cut_list(b"order,file\n1,a.mp4\n")
    assert listed_files(b"order,file\n1,a.mp4\n") == {}
