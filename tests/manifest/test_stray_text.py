"""Text of a record that would not be sent is told with what was read, before it is paid for."""

from pathlib import Path

import pytest

from batch.core.row import PlannedRow
from batch.manifest.loader import Manifest
from batch.manifest.stray_text import letters
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.sheets import Sheet, make

__all__ = ["make"]

IMAGE = "https://x.y/a.png"


def planned(folder: Path, text: str) -> list[PlannedRow]:
    path = folder / "shots.csv"
    path.write_text(text)
    manifest = Manifest(path=path, job=JOB, prices=JOB.prices)
    return list(manifest.plan(manifest.open()))


def problem(folder: Path, text: str) -> str:
    """The only problem of the only row."""
    (row,) = planned(folder, text)
    (found,) = row.problems
    return str(found)


def test_a_record_that_is_wider_than_its_header_is_told_with_what_was_read(tmp_path: Path) -> None:
    """And with the whole text as it has to be written."""
    assert problem(tmp_path, f"image,prompt\n{IMAGE},A boat, drifting slowly\n") == (
        "row 2, column C: 'drifting slowly' stands beyond the titles, and would not be sent; prompt was read as "
        "'A boat': where a text holds the sign , write it in double quotes, like \"A boat, drifting slowly\"; "
        "if it is a note of your own, give its column a title"
    )


def test_the_sign_that_is_named_is_the_one_of_the_file(tmp_path: Path) -> None:
    """A comma does no harm where cells end at semicolons."""
    found = problem(tmp_path, f"image;prompt\n{IMAGE};A boat; drifting, slowly\n")
    assert 'the sign ; write it in double quotes, like "A boat; drifting, slowly"' in found


def test_a_long_text_is_not_shown_whole(tmp_path: Path) -> None:
    """The remedy is."""
    found = problem(tmp_path, f"image,prompt\n{IMAGE},{'x' * 200}, slowly\n")
    assert "write it in double quotes; if it is" in found
    assert len(found) < 300


@pytest.mark.parametrize(
    "text",
    [
        f"prompt,image\na,{IMAGE},,\n",
        f"prompt,image\na,{IMAGE}, ,\t\n",
        f"prompt,image,,\na,{IMAGE},,\n",
        f",prompt,image\n0,a,{IMAGE}\n",
        f"prompt,,image\na,mine,{IMAGE}\n",
        f'prompt,image\n"a",{IMAGE} \n',
        f'prompt,image,note\na,{IMAGE},"Best" take\n',
        f'note,prompt,image\n"Best" take,a,{IMAGE}\n',
    ],
)
def test_what_does_no_harm_is_no_problem(text: str, tmp_path: Path) -> None:
    """Empty cells beyond the header, a column without a title among others, quotes in the user's own notes."""
    (row,) = planned(tmp_path, text)
    assert row.problems == ()
    assert row.arguments == {"prompt": "a", "image_url": IMAGE}


def test_text_under_no_title_at_the_right_end_is_beyond_the_titles(tmp_path: Path) -> None:
    """Spreadsheets write empty titles there."""
    assert "'drifting slowly' stands beyond" in problem(tmp_path, f"image,prompt,,\n{IMAGE},A boat, drifting slowly\n")


def test_a_tab_cannot_be_meant_as_part_of_a_text(tmp_path: Path) -> None:
    """So no quotes are advised."""
    found = problem(tmp_path, f"image\tprompt\n{IMAGE}\tA boat\tdrifting\n")
    assert "would not be sent: move it where it belongs" in found


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (
            '"O P E N" on a sign',
            "column prompt: was read as 'O P E N on a sign', for its quotes do not enclose the whole of it: "
            'write """O P E N"" on a sign"',
        ),
        (r'"The sign says \"OPEN\""', 'write "The sign says ""OPEN"""'),
        (r'"He said \"go, now\" loudly"', r"was read as 'He said \\go', for its quotes"),
        ('"a ""b"" c" d', "write a quote inside a cell in quotes twice"),
    ],
)
def test_quotes_that_do_not_enclose_a_text_make_its_row_invalid(cell: str, said: str, tmp_path: Path) -> None:
    """With what was read, and how to write it."""
    (row,) = planned(tmp_path, f"image,prompt\n{IMAGE},{cell}\n")
    assert said in str(row.problems[0])
    assert row.arguments is None
    assert not any("beyond" in one.message for one in row.problems)


def test_a_note_whose_quotes_may_shift_the_inputs_is_a_problem(tmp_path: Path) -> None:
    """Right of them it is the user's own business."""
    cell = r'"He said \"go, now\" loudly"'
    assert problem(tmp_path, f"note,more,prompt,image\n{cell},a,{IMAGE}\n").startswith("row 2, column A: was read as")
    (row,) = planned(tmp_path, f"prompt,image,note,more\na,{IMAGE},{cell}\n")
    assert row.problems == ()


def test_columns_of_ours_hide_no_text_that_stood_beyond_the_header(make: "type[Sheet]") -> None:
    """They are written to the right of it, and it still counts; mended, the row is fit to be sent."""
    sheet = make(f"image,prompt\n{IMAGE},A boat, drifting slowly\n{IMAGE},b\n")
    before = problems(sheet)
    sheet.save()
    assert sheet.path.read_text().splitlines()[0].startswith("image,prompt,,status,video_url")
    assert problems(sheet) == before
    assert 'like "A boat, drifting slowly"' in before[0]
    sheet.path.write_text(sheet.path.read_text().replace("A boat, drifting slowly", '"A boat, drifting slowly",'))
    assert problems(sheet) == []


def problems(sheet: Sheet) -> list[str]:
    return [str(one) for row in sheet.manifest.plan(sheet.manifest.open()) for one in row.problems]


@pytest.mark.parametrize(
    ("at", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")]
)
def test_columns_are_named_as_a_spreadsheet_does(at: int, name: str) -> None:
    """They have no title to be named by."""
    assert letters(at) == name
