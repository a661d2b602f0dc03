"""What a person may know better than we do about a table's bytes is told, with an example."""

from pathlib import Path

from batch.manifest.loader import Manifest
from batch.table import ReadingOptions
from jobs.kling import KLING_2_1_PRO as JOB


def notes(folder: Path, data: bytes, **reading: str) -> list[str]:
    path = folder / "shots.csv"
    path.write_bytes(data)
    manifest = Manifest(path=path, job=JOB, prices=JOB.prices, reading=ReadingOptions(**reading))  # type: ignore[arg-type]
    return list(manifest.column_report(manifest.open()).notes)


def test_a_guessed_code_page_is_told_with_a_prompt(tmp_path: Path) -> None:
    """One that has a letter outside ASCII, before any other text."""
    data = "note,prompt,image\nfür,a,b\nx,Ein Möwenschwarm,b\n".encode("cp1252")
    (found,) = notes(tmp_path, data)
    assert found == (
        "read as Windows-1252, for the file does not say how it is written: row 3 reads 'Ein Möwenschwarm'. "
        "If that reads wrong, name the code page: --encoding NAME"
    )
    assert notes(tmp_path, data, encoding="cp1252") == []


def test_without_such_a_prompt_another_text_is_the_example(tmp_path: Path) -> None:
    """Of a record, else a title."""
    assert "row 2 reads 'für'" in notes(tmp_path, "note,prompt,image\nfür,a,b\n".encode("cp1252"))[0]
    assert "a title is 'Größe'" in notes(tmp_path, "Größe,prompt,image\n1,a,b\n".encode("cp1252"))[0]


def test_a_long_prompt_is_shown_around_its_first_such_letter(tmp_path: Path) -> None:
    """The rest of it does not help."""
    data = f"prompt,image\n{'x' * 100}ö{'y' * 100},b\n".encode("cp1252")
    assert f"row 2 reads …'{'x' * 30}ö{'y' * 29}'…" in notes(tmp_path, data)[0]


def test_titles_that_do_not_stand_in_the_first_line_are_told(tmp_path: Path) -> None:
    """With what stands above them; blank lines are not worth a word."""
    (found,) = notes(tmp_path, b"My film\n\nprompt,image\na,b\n")
    assert found.startswith("the titles are in row 3; what stands above is left as it is ('My film'). If they are")
    assert "--header-row N" in found
    assert notes(tmp_path, b"\n\nprompt,image\na,b\n") == []
