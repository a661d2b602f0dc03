"""Makes everything in this folder: `python samples/make.py`, or `python samples/make.py FOLDER` for a copy elsewhere.

The tables come out the same to the byte; the pictures as the installed Pillow encodes them.
"""

import csv
import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from scenes import SCENES

QUICKSTART = ("id", "prompt", "image", "tail_image", "duration", "scene notes")
SHOTS = (
    (
        "s1",
        "A paper boat drifts down a still canal while the afternoon turns to dusk; one by one the windows light up and "
        "their reflections tremble on the water. Slow push-in, gentle ripples.",
        "images/boat-day.jpg",
        "images/boat-dusk.jpg",
        "5",
        "opening; day to dusk, the same framing",
    ),
    (
        "s2",
        "A lighthouse stands in drifting morning fog, its beam sweeping slowly over a cold grey sea. Banks of mist "
        "roll past the rocks, gulls far off. Locked-off shot, quiet and heavy.",
        "images/lighthouse.jpg",
        "",
        "5",
        "hold for the narrator",
    ),
    (
        "s3",
        "A red kite climbs and dips in a steady desert wind, its tail snapping; sand blows in thin veils off the "
        "crests of the dunes. The camera rises slowly with the kite, wide and free.",
        "images/kite.jpg",
        "",
        "10",
        "the long one: leave room for the title",
    ),
    (
        "s4",
        "Inside a night train: steam curls from a cup of coffee, the lamp sways a little, and the lights of a town "
        "streak past the window under a full moon. Quiet, intimate, warm against blue.",
        "images/train.jpg",
        "",
        "5",
        "last shot, fade to black in the edit",
    ),
)

MESSY = (
    ("Nr", "ID", "Prompt", "Image", "Tail Image", "Duration", "Bemerkung", "Preis"),
    (
        "00123",
        "M-01",
        'Ein Papierboot treibt durch die Gracht,\ndie Fenster gehen an; langsame Kamerafahrt, Stimmung „Blaue Stunde"',
        "images/boat-day.jpg",
        "images/boat-dusk.jpg",
        "5,0",
        "für Jörg – bitte prüfen",
        "0,49",
    ),
    (
        "00124",
        "M-02",
        'Leuchtturm im Nebel; ein Schild mit der Aufschrift "Kein Zutritt" schwankt im Wind',
        "images/lighthouse.jpg",
        "",
        "5s",
        "größer; siehe 1e5",
        "0,49",
    ),
    ("00125", "M-03", "Roter Drachen über den Dünen, Böen von links", "images/kite.jpg", "", "10 s", "NA", "0,98"),
    (
        "00126",
        "M-04",
        "Fenster im Nachtzug, Straßenlichter ziehen vorbei",
        "images/train.jpg",
        "",
        "5",
        "03.04.2026",
        "0,49",
    ),
    (
        "00127",
        "M-05",
        "Das Boot bei Nacht: die Spiegelungen zittern",
        "images/boat-dusk.jpg",
        "",
        "5 s",
        "=Ü-Wagen?",
        "0,49",
    ),
    ("", "", "", "", "", "", "", ""),
    ("", "", "", "", "", "", "", ""),
)


def csv_bytes(rows: tuple[tuple[str, ...], ...], *, delimiter: str, newline: str, encoding: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows(rows)
    return text.getvalue().encode(encoding)


def parquet(path: Path) -> None:
    columns = zip(*SHOTS, strict=True)
    table = pa.table({name: pa.array(column, pa.string()) for name, column in zip(QUICKSTART, columns, strict=True)})
    pq.write_table(table, path, compression="zstd")


def images(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in SCENES.items():
        draw().save(folder / name, quality=76, optimize=True, progressive=True)


def make(folder: Path) -> None:
    images(folder / "images")
    quickstart = csv_bytes((QUICKSTART, *SHOTS), delimiter=",", newline="\n", encoding="utf-8")
    (folder / "quickstart.csv").write_bytes(quickstart)
    parquet(folder / "quickstart.parquet")
    messy = csv_bytes(MESSY, delimiter=";", newline="\r\n", encoding="cp1252")
    (folder / "messy.csv").write_bytes(messy)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
