"""The committed samples are what `samples/make.py` makes."""

import csv
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageChops, ImageStat

from batch.manifest.images import inspect

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
IMAGES = sorted(path.name for path in (SAMPLES / "images").iterdir())
LARGEST = 80_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh set, made as the script's first line says."""
    folder = tmp_path_factory.mktemp("samples")
    subprocess.run([sys.executable, str(SAMPLES / "make.py"), str(folder)], check=True, timeout=120)
    return folder


@pytest.mark.parametrize("name", ["quickstart.csv", "messy.csv"])
def test_the_tables_are_made_the_same_to_the_byte(made: Path, name: str) -> None:
    """Nobody edits a sample table by hand without the script knowing."""
    assert (made / name).read_bytes() == (SAMPLES / name).read_bytes()


def test_the_parquet_sample_is_made_the_same(made: Path) -> None:
    """Equal as tables: writers differ between versions of pyarrow."""
    assert pq.read_table(made / "quickstart.parquet").equals(pq.read_table(SAMPLES / "quickstart.parquet"))


def test_no_sample_image_is_missing_or_extra(made: Path) -> None:
    """The folder holds exactly what is drawn."""
    assert sorted(path.name for path in (made / "images").iterdir()) == IMAGES


@pytest.mark.parametrize("name", IMAGES)
def test_the_pictures_are_made_the_same_to_the_eye(made: Path, name: str) -> None:
    """Encoders differ between versions of Pillow, so pixels are compared and not bytes."""
    with Image.open(made / "images" / name) as new, Image.open(SAMPLES / "images" / name) as old:
        assert new.size == old.size == (1280, 720)
        difference = ImageStat.Stat(ImageChops.difference(new.convert("RGB"), old.convert("RGB"))).mean
    assert max(difference) < 3


@pytest.mark.parametrize("name", IMAGES)
def test_every_sample_image_is_small_and_beyond_reproach(name: str) -> None:
    """A first run shows no warning, and a clone stays light."""
    path = SAMPLES / "images" / name
    assert path.stat().st_size <= LARGEST
    assert inspect(path).problem is None
    assert inspect(path).warnings == ()


def test_the_parquet_sample_holds_the_rows_of_the_csv() -> None:
    """Two forms of one manifest."""
    with (SAMPLES / "quickstart.csv").open(encoding="utf-8", newline="") as file:
        assert pq.read_table(SAMPLES / "quickstart.parquet").to_pylist() == list(csv.DictReader(file))


def test_every_image_of_the_messy_sample_exists() -> None:
    """Its rows are all valid shots, save the empty ones at the end."""
    with (SAMPLES / "messy.csv").open(encoding="cp1252", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter=";") if any(row.values())]
    paths = [row[column] for row in rows for column in ("Image", "Tail Image") if row[column]]
    assert len(rows) == 5
    assert all(inspect(SAMPLES / path).problem is None for path in paths)
    assert all(row["Prompt"] and row["Duration"] for row in rows)


def test_the_messy_sample_is_what_a_german_excel_saves() -> None:
    """cp1252, semicolons, CRLF, a quoted line break, doubled quotes, a decimal comma, and empty rows at the end."""
    raw = (SAMPLES / "messy.csv").read_bytes()
    text = raw.decode("cp1252")
    with pytest.raises(UnicodeDecodeError):
        raw.decode("utf-8")
    assert text.startswith("Nr;ID;Prompt;Image;Tail Image;Duration;Bemerkung;Preis\r\n")
    assert text.endswith("\r\n;;;;;;;\r\n;;;;;;;\r\n")
    assert all(
        mark in text for mark in ('""Kein Zutritt""', "00123;", ";0,49", "Gracht,\ndie", ";5,0;", ";10 s;", ";5s;")
    )
