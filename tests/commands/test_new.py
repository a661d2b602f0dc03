"""A table to begin with, and one of a folder of pictures, which asked again gets only what is new."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from batch.commands.batch import open_batch
from batch.commands.check import check
from batch.commands.new import NewReport, new_table
from batch.commands.remembered_options import remember
from batch.errors import ManifestError, UsageError
from batch.ledger.ledger import Ledger
from batch.table import open_table
from jobs.kling import KLING_2_1_PRO as JOB

FORMS = ["shots.csv", "shots.xlsx", "shots.parquet"]


def pictures(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        Image.new("RGB", (400, 400), (number % 256, 0, 0)).save(folder / name)
    return folder


def new(path: Path, **more: Any) -> NewReport:
    return new_table(open_batch(path, JOB).manifest, **more)


def cells(path: Path) -> list[dict[str, str]]:
    table = open_table(path)
    return [
        {title: cell for title, cell in zip(table.columns, one.cells, strict=True) if cell} for one in table.records()
    ]


@pytest.mark.parametrize("name", FORMS)
def test_a_starter_is_a_table_that_check_understands(name: str, tmp_path: Path) -> None:
    """Its example rows are never bought as they stand: their pictures are not there."""
    report = new(tmp_path / name)
    assert report.lines[0].endswith("with 2 example rows: put your own in their place")
    found = check(open_batch(tmp_path / name, JOB))
    assert {problem.column for problem in found.findings.problems} == {"image", "tail_image"}
    assert open_table(tmp_path / name).columns == (
        *("id", "prompt", "image", "tail_image", "duration", "negative_prompt", "cfg_scale"),
    )
    with pytest.raises(UsageError, match="is there already"):
        new(tmp_path / name)


@pytest.mark.parametrize("name", FORMS)
def test_a_folder_becomes_a_table(name: str, tmp_path: Path) -> None:
    """Pairs, captions, a prompt for the rest; the paths count from the table."""
    folder = pictures(tmp_path / "boards", "boat_start.jpg", "boat_end.jpg", "shot 10.png", "shot 2.png", "Möwe.webp")
    (folder / "boat.txt").write_text("A boat, drifting")
    report = new(tmp_path / name, folder=folder, prompt="slowly")
    assert cells(tmp_path / name) == [
        {
            "id": "boat",
            "prompt": "A boat, drifting",
            "image": "boards/boat_start.jpg",
            "tail_image": "boards/boat_end.jpg",
        },
        {"id": "Möwe", "prompt": "slowly", "image": "boards/Möwe.webp"},
        {"id": "shot 2", "prompt": "slowly", "image": "boards/shot 2.png"},
        {"id": "shot 10", "prompt": "slowly", "image": "boards/shot 10.png"},
    ]
    assert report.lines[1] == "4 rows, 1 of them with a tail_image"
    assert not check(open_batch(tmp_path / name, JOB)).findings.problems


@pytest.mark.parametrize("name", FORMS[:2])
def test_asked_again_it_adds_only_what_is_new(name: str, tmp_path: Path) -> None:
    """What was there stays as it is, however it was sorted and edited; an id is not given twice."""
    folder, path = pictures(tmp_path / "boards", "a.jpg", "b.jpg"), tmp_path / name
    new(path, folder=folder)
    before = cells(path)
    assert new(path, folder=folder).lines == [
        f"{path} has a row for each picture of {folder} already: nothing was added"
    ]
    pictures(folder, "a.png", "c_start.jpg", "c_end.jpg")
    report = new(path, folder=folder, prompt="new")
    assert cells(path) == [
        *before,
        {"id": "a.png", "prompt": "new", "image": "boards/a.png"},
        {"id": "c", "prompt": "new", "image": "boards/c_start.jpg", "tail_image": "boards/c_end.jpg"},
    ]
    assert report.lines[:2] == [f"{path} has more rows", "2 rows, 1 of them with a tail_image"]


def test_rows_are_put_into_a_table_of_any_dialect(tmp_path: Path) -> None:
    """Its bytes stay; the new ones are written as the old ones are. A column that it lacks is named."""
    path = tmp_path / "shots.csv"
    path.write_bytes("Bild;prompt;note\r\na.jpg;x;größer".encode("cp1252"))
    folder = pictures(tmp_path, "a.jpg", "b;1.jpg", "c_start.jpg", "c_end.jpg")
    path.write_bytes(path.read_bytes().replace(b"Bild", b"image"))
    before = path.read_bytes()
    report = new(path, folder=folder, prompt='say "ü"')
    assert path.read_bytes() == before + '\r\n"b;1.jpg";"say ""ü""";\r\nc_start.jpg;"say ""ü""";\r\n'.encode("cp1252")
    assert "no column for tail_image: that was left out" in report.lines
    pictures(tmp_path, "東.jpg")
    with pytest.raises(ManifestError, match="has no letter for what comes in"):
        new(path, folder=folder)


def test_a_parquet_table_is_not_added_to(tmp_path: Path) -> None:
    """Said with what helps."""
    folder, path = pictures(tmp_path / "boards", "a.jpg"), tmp_path / "shots.parquet"
    new(path, folder=folder)
    pictures(folder, "b.jpg")
    with pytest.raises(ManifestError, match="1 new rows cannot be put into this kind of file"):
        new(path, folder=folder)


def test_a_thousand_pictures_are_a_thousand_rows(tmp_path: Path) -> None:
    """In the order of their numbers."""
    folder = pictures(tmp_path / "boards", "shot1.jpg")
    one = (folder / "shot1.jpg").read_bytes()
    for number in range(2, 1001):
        (folder / f"shot{number}.jpg").write_bytes(one)
    new(tmp_path / "shots.csv", folder=folder, prompt="x")
    assert [row["image"] for row in cells(tmp_path / "shots.csv")] == [f"boards/shot{n}.jpg" for n in range(1, 1001)]


@pytest.mark.parametrize(
    ("folder", "message"), [("none", "there is no such folder"), ("empty", "there are no pictures")]
)
def test_a_folder_without_pictures_is_refused(folder: str, message: str, tmp_path: Path) -> None:
    """And nothing is made."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=message):
        new(tmp_path / "shots.csv", folder=tmp_path / folder)
    assert not (tmp_path / "shots.csv").exists()


def test_names_that_would_be_read_otherwise_are_written_safely(tmp_path: Path) -> None:
    """One that looks like a formula, beside the table."""
    pictures(tmp_path, "=1.jpg", "'a'.jpg")
    new(tmp_path / "shots.csv", folder=tmp_path, prompt="x")
    assert [row["image"] for row in cells(tmp_path / "shots.csv")] == ["./'a'.jpg", "./=1.jpg"]
    assert not [
        one for one in check(open_batch(tmp_path / "shots.csv", JOB)).findings.problems if one.column == "image"
    ]


def test_pictures_come_in_where_the_table_is_said_to_have_its_columns(tmp_path: Path) -> None:
    """By other titles, below other lines; what the ledger remembers of it holds here too."""
    folder = pictures(tmp_path / "boards", "a.png")
    shots = tmp_path / "shots.csv"
    shots.write_text("My film\nid,Text,Bild\nold,x,https://x.y/1\n")
    told = open_batch(shots, JOB, mapped={"prompt": "Text", "image": "Bild"}, header_row=2)
    new_table(told.manifest, folder=folder, prompt="slowly")
    assert shots.read_text().splitlines()[2:] == ["old,x,https://x.y/1", "a,slowly,boards/a.png"]
    with Ledger.open(told.ledger) as ledger:
        remember(ledger, shots, told.options)
    pictures(folder, "b.png")
    new(shots, folder=folder)
    assert shots.read_text().splitlines()[4:] == ["b,,boards/b.png"]
