"""A table read for one job: images that are files, columns of ours, and when it is read alike."""

from pathlib import Path

import pytest
from PIL import Image as Pillow

from batch.errors import ManifestError
from batch.manifest.loader import Manifest
from jobs.kling import KLING_2_1_PRO as JOB


def test_a_missing_image_file_is_a_problem_of_its_cell(tmp_path: Path) -> None:
    """Found before anything is spent."""
    table = tmp_path / "shots.csv"
    table.write_text("prompt,Image\nboat,lost.png\n")
    manifest = Manifest(path=table, job=JOB, prices=JOB.prices)
    (found,) = manifest.plan(manifest.open())
    assert str(found.problems[0]).startswith("row 2, column Image: no such file")


def test_an_input_that_goes_by_the_name_of_a_result_is_refused(tmp_path: Path) -> None:
    """It would be overwritten."""
    table = tmp_path / "shots.csv"
    table.write_text("prompt,image,status\nboat,https://x.y/a,https://x.y/b\n")
    manifest = Manifest(path=table, job=JOB, prices=JOB.prices, mapped={"tail_image": "status"})
    with pytest.raises(ManifestError, match=r"'status' is an input.*--prefix"):
        manifest.columns(manifest.open())


def test_a_local_image_counts_by_its_bytes(tmp_path: Path) -> None:
    """Renaming or moving it buys nothing; another picture under the same name is another request."""
    (tmp_path / "sub").mkdir()
    for name, shade in [("a.png", 1), ("sub/b.png", 1), ("c.png", 2)]:
        Pillow.new("L", (400, 400), shade).save(tmp_path / name)
    table = tmp_path / "shots.csv"
    table.write_text("prompt,image\nx,a.png\nx,sub/b.png\nx,c.png\n")
    manifest = Manifest(path=table, job=JOB, prices=JOB.prices)
    first, moved, other = (one.fingerprint for one in manifest.plan(manifest.open()))
    assert first == moved != other
