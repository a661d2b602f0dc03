"""Marks of a review: read as the page saves them and as spreadsheets do after it, refused with line and remedy."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.review_marks import COLUMNS, ClipMark, ReviewMark, read_marks
from batch.errors import UsageError

cell = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(str.strip)
marks = st.lists(
    st.builds(
        lambda one, row, take, mark, note, request: (one, row, take, mark, note, request),
        cell,
        st.integers(2, 9999),
        st.none() | st.integers(1, 20),
        st.sampled_from(ClipMark),
        cell,
        cell,
    ),
    max_size=8,
)


@given(
    marks, st.sampled_from(",;\t"), st.sampled_from(["\r\n", "\n"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
)
def test_whatever_was_marked_is_read_as_it_was(
    given_marks: list[tuple[str, int, int | None, ClipMark, str, str]], delimiter: str, ending: str, encoding: str
) -> None:
    """With any of the delimiters, line ends and encodings that spreadsheets save with; notes may hold all of them."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending)
    writer.writerows([COLUMNS, *(["" if one is None else one for one in mark] for mark in given_marks)])
    found = read_marks(text.getvalue().encode(encoding), "m.csv")
    assert [(one.id, one.row, one.take, one.mark, one.note, one.request_id) for one in found] == given_marks


@given(st.binary(max_size=200))
def test_no_file_whatsoever_is_a_surprise(content: bytes) -> None:
    """It is read, or refused in one line."""
    said = ""
    try:
        read_marks(b"id,row,take,mark,note\n" + content, "m.csv")
    except UsageError as error:
        said = str(error)
    assert not said or said.startswith("m.csv, line ")
    assert "\n" not in said


def test_a_note_may_go_over_several_lines() -> None:
    """The lines that are told count them."""
    content = b'id,row,take,mark,note\na,2,1,keep,"two\nlines"\n\nb,3,,,\nc,4,,kept,\n'
    with pytest.raises(UsageError, match=r"m\.csv, line 6, column mark: 'kept' is no mark: write keep or redo"):
        read_marks(content, "m.csv")
    first = read_marks(content.replace(b"kept", b"REDO"), "m.csv")
    assert first[0] == ReviewMark(2, "a", 2, 1, ClipMark.KEEP, "two\nlines", "")
    assert [(one.line, one.mark) for one in first] == [(2, "keep"), (5, ""), (6, "redo")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "line 1: the columns are to be id,row,take,mark,note,request_id, and it has nothing"),
        ("id,mark\na,keep\n", "line 1: the columns are to be"),
        ("id,row,take,mark,note\n,,,keep,\n", "line 2: it names no row: give its id or its row"),
        ("id,row,take,mark,note\n,1,,keep,\n", "line 2, column row: '1' is not the number of a row, 2 or more"),
        ("id,row,take,mark,note\na,2,x,keep,\n", "line 2, column take: 'x' is not the number of a take, 1 or more"),
        ("id,row,take,mark,note\na,2,0,keep,\n", "line 2, column take: '0' is not the number of a take"),
        ("id,row,take,mark,note\na,2,1,keep,so,so\n", "line 2: it has 6 cells, and there are 5 columns"),
        ('id,row,take,mark,note\na,2,1,keep,"so\n', "line 2: it is no CSV"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_line(content: str, told: str) -> None:
    """And with what to do."""
    with pytest.raises(UsageError) as error:
        read_marks(content.encode(), "m.csv")
    assert told in str(error.value)
