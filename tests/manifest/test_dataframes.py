"""DataFrames as manifests: kept where the ledger is, and never in the place of other rows."""

from pathlib import Path

import pandas as pd
import pytest

from batch.errors import ManifestError, UsageError
from batch.manifest.dataframes import keep, load
from batch.table import ReadingOptions, open_table

SHOTS = {"prompt": ["a boat", "a train"], "image": ["https://x.y/a", "https://x.y/b"], "duration": [5, 10]}


@pytest.mark.parametrize("name", ["shots.csv", "nowhere/shots.parquet"])
def test_a_file_is_its_own_manifest(tmp_path: Path, name: str) -> None:
    """As text or as a path; whether it is there is for whoever reads it to say, and nothing is written."""
    path = tmp_path / name
    assert keep(path, None) == keep(str(path), None) == path
    assert keep(path, tmp_path / "other") == path
    assert list(tmp_path.iterdir()) == []


def test_a_frame_without_a_path_is_refused_with_an_example() -> None:
    """Its ledger would be nowhere: the same frame would be bought again."""
    with pytest.raises(UsageError, match=r"run\(frame, 'shots\.parquet'\)"):
        keep(pd.DataFrame(SHOTS), None)


def test_a_frame_is_kept_as_a_table_that_can_be_run(tmp_path: Path) -> None:
    """Its columns and its rows, without the index, whatever that is."""
    path = keep(pd.DataFrame(SHOTS, index=[7, 9]), str(tmp_path / "shots.parquet"))
    table = open_table(path)
    assert list(table.columns) == ["prompt", "image", "duration"]
    assert [list(one.cells) for one in table.records()] == [
        ["a boat", "https://x.y/a", "5"],
        ["a train", "https://x.y/b", "10"],
    ]


def test_the_same_frame_again_is_the_same_manifest_also_with_results_beside_it(tmp_path: Path) -> None:
    """Resuming is running again: the file is left as it is, whatever the frame's index."""
    path = tmp_path / "shots.parquet"
    frame = pd.DataFrame({**SHOTS, "note": ["x", None]})
    keep(frame, path)
    frame.assign(status="succeeded").to_parquet(path, index=False)
    before = path.read_bytes()
    assert keep(frame.set_index(pd.Index([3, 4])), path) == path
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "other",
    [
        pd.DataFrame({**SHOTS, "prompt": ["a boat", "a plane"]}),
        pd.DataFrame(SHOTS).iloc[::-1],
        pd.DataFrame(SHOTS).iloc[:1],
        pd.concat([pd.DataFrame(SHOTS), pd.DataFrame(SHOTS)]),
        pd.DataFrame({**SHOTS, "seed": [1, 2]}),
    ],
    ids=["edited", "sorted", "shorter", "longer", "wider"],
)
def test_another_frame_at_the_same_path_is_refused_and_the_file_left_alone(tmp_path: Path, other: pd.DataFrame) -> None:
    """Results of other rows stand there."""
    path = tmp_path / "shots.parquet"
    keep(pd.DataFrame(SHOTS), path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="holds other rows than this DataFrame"):
        keep(other, path)
    assert path.read_bytes() == before


def test_a_csv_is_given_as_it_is_written(tmp_path: Path) -> None:
    """Text in every cell: no number loses its zeros, and an empty cell is an empty text."""
    path = tmp_path / "shots.csv"
    path.write_text("id,prompt,cost_usd\n007,a boat,0.490000\n,NA,\n")
    found = load(path, ReadingOptions())
    assert found.to_dict("list") == {"id": ["007", ""], "prompt": ["a boat", "NA"], "cost_usd": ["0.490000", ""]}


@pytest.mark.parametrize("name", ["shots.parquet", "shots.csv"])
def test_a_parquet_file_is_given_with_its_types_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    """Its first bytes say what it is."""
    frame = pd.DataFrame({"id": ["007"], "seed": [7], "at": pd.to_datetime(["2026-11-22"]).as_unit("us")})
    frame.to_parquet(tmp_path / name, index=False)
    pd.testing.assert_frame_equal(load(tmp_path / name, ReadingOptions()), frame)


def test_a_table_without_records_is_a_frame_without_rows(tmp_path: Path) -> None:
    """With its columns all the same."""
    path = tmp_path / "shots.csv"
    path.write_text("id,prompt\n")
    assert load(path, ReadingOptions()).shape == (0, 2)


def test_what_is_no_table_is_refused_in_one_line(tmp_path: Path) -> None:
    """Never a traceback of pandas."""
    path = tmp_path / "shots.parquet"
    for bad in (b"", b"PK\x03\x04 a workbook", b"PAR1 cut off"):
        path.write_bytes(bad)
        with pytest.raises(ManifestError):
            load(path, ReadingOptions())
    with pytest.raises(ManifestError):
        load(tmp_path / "nowhere.csv", ReadingOptions())


def test_a_frame_is_not_kept_under_the_name_of_a_workbook(tmp_path: Path) -> None:
    """It would be a Parquet file that Excel cannot open."""
    with pytest.raises(UsageError, match=r"name it shots\.parquet"):
        keep(pd.DataFrame(SHOTS), tmp_path / "shots.xlsx")
    assert list(tmp_path.iterdir()) == []
