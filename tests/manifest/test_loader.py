"""A table read for one job: images that are files, columns of ours, and when it is read alike."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from batch.errors import ManifestError
from batch.manifest.loader import Manifest
from batch.manifest.result_columns import RESULT_COLUMNS
from batch.table import ReadingOptions, open_table
from jobs.kling import KLING_2_1_PRO as JOB


def test_a_missing_image_file_is_a_problem_of_its_cell(tmp_path: Path) -> None:
    """Found before anything is spent."""
    table = tmp_path / "shots.csv"
    table.write_text("id,prompt,Image\ns1,boat,lost.png\n")
    manifest = Manifest(path=table, job=JOB, prices=JOB.prices)
    (found,) = manifest.plan(manifest.open())
    assert str(found.problems[0]).startswith("row 2 (id s1), column Image: 'lost.png' does not exist: check the path")


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


def manifest_of(folder: Path, text: str = "prompt,image\nx,https://x.y/a\n", **how: Any) -> Manifest:
    table = folder / "shots.csv"
    table.write_text(text)
    return Manifest(path=table, job=JOB, prices=JOB.prices, **how)


def test_an_image_inside_a_cell_counts_by_its_bytes_too(tmp_path: Path) -> None:
    """The same picture as a file and as a data URI is the same request; a web address counts as it is written."""
    Pillow.new("L", (400, 400)).save(tmp_path / "a.png")
    inside = base64.b64encode((tmp_path / "a.png").read_bytes()).decode()
    manifest = manifest_of(
        tmp_path, f'prompt,image\nx,a.png\nx,"data:image/png;base64,{inside}"\nx,https://x.y/a\nx,https://x.y/A\n'
    )
    by_path, by_uri, by_url, other_url = (one.fingerprint for one in manifest.plan(manifest.open()))
    assert by_path == by_uri
    assert len({by_path, by_url, other_url}) == 3


@pytest.mark.parametrize(
    "cell",
    [
        "images/küste.png",
        "'images/küste.png'",
        "images\\küste.png",
        "“images/ku\u0308ste.png”",
        "{folder}/images/küste.png",
        "\u202a{folder}/images/ku\u0308ste.png",
        "file://{folder}/images/k%C3%BCste.png",
    ],
)
def test_what_is_judged_is_what_is_uploaded(cell: str, tmp_path: Path) -> None:
    """However a path is written, the argument of the row leads to the file that was looked at."""
    (tmp_path / "images").mkdir()
    picture = tmp_path / "images" / "küste.png"
    Pillow.new("L", (400, 400)).save(picture)
    manifest = manifest_of(tmp_path, f"prompt,image\nx,{cell.format(folder=tmp_path)}\n")
    (found,) = manifest.plan(manifest.open())
    assert found.problems == ()
    assert found.arguments is not None
    assert picture.samefile(str(manifest.local(found.arguments["image_url"])))


@pytest.mark.parametrize("cell", ["'https://x.y/a.png'", "\u202ahttps://x.y/a.png\u200b", "<https://x.y/a.png>"])
def test_an_address_is_sent_without_what_stands_round_it(cell: str, tmp_path: Path) -> None:
    """It was judged without it, and counts as the same request."""
    manifest = manifest_of(tmp_path, f"prompt,image\nx,{cell}\nx,https://x.y/a.png\n")
    found, plain = manifest.plan(manifest.open())
    assert found.arguments == plain.arguments == {"prompt": "x", "image_url": "https://x.y/a.png"}
    assert found.fingerprint == plain.fingerprint


def test_a_path_that_would_be_read_otherwise_next_time_is_a_problem(tmp_path: Path) -> None:
    """What is kept in the ledger is read again when the row is submitted."""
    (tmp_path / "www.x.y").mkdir()
    Pillow.new("L", (400, 400)).save(tmp_path / "www.x.y" / "a.png")
    manifest = manifest_of(tmp_path, "prompt,image\nx,file:www.x.y/a.png\n")
    (found,) = manifest.plan(manifest.open())
    assert "rename the file" in found.problems[0].message


def test_only_where_the_service_is_played_here_may_images_be_served_here(tmp_path: Path) -> None:
    """It is said by an argument; what was read one way is not taken for what was read the other way."""
    text = "prompt,image\nx,http://127.0.0.1:8000/a.png\n"
    real, played = manifest_of(tmp_path, text), manifest_of(tmp_path, text, fetched_here=True)
    (refused,), (taken,) = real.plan(real.open()), played.plan(played.open())
    assert "'http://127.0.0.1:8000/a.png' is out of fal's reach" in refused.problems[0].message
    assert taken.problems == ()
    assert real.settings != played.settings


def test_only_a_cell_with_a_path_refers_to_a_file(tmp_path: Path) -> None:
    """Relative to the manifest, wherever the command was started; nothing else is uploaded."""
    manifest = manifest_of(tmp_path)
    assert manifest.local("sub/a.png") == tmp_path / "sub/a.png"
    assert manifest.local("/pictures/a.png") == Path("/pictures/a.png")
    for cell in ("", "https://x.y/a.png", "data:image/png;base64,AAAA", "ftp://x.y/a.png"):
        assert manifest.local(cell) is None


def test_a_prefix_names_our_columns_and_frees_the_others(tmp_path: Path) -> None:
    """A column `status` of the user's own is an input like any, and only `k_status` is ours."""
    text = "prompt,image,status,k_status\nx,https://x.y/a,https://x.y/b,failed\n"
    manifest = manifest_of(tmp_path, text, prefix="k_", mapped={"tail_image": "status"})
    assert [one.name for one in manifest.result_columns] == [f"k_{name}" for name in RESULT_COLUMNS]
    assert [one.type for one in manifest.result_columns] == list(RESULT_COLUMNS.values())
    (found,) = manifest.plan(manifest.open())
    assert found.own == {"status": "failed"}
    assert found.arguments is not None
    assert found.arguments["tail_image_url"] == "https://x.y/b"


def test_an_id_that_goes_by_the_name_of_a_result_is_refused(tmp_path: Path) -> None:
    """It would be overwritten like an input."""
    manifest = manifest_of(tmp_path, "prompt,image,request_id\nx,https://x.y/a,7\n", mapped={"id": "request_id"})
    with pytest.raises(ManifestError, match=r"'request_id' is an input.*--prefix"):
        manifest.columns(manifest.open())


@pytest.mark.parametrize(
    ("titles", "mapped"), [("Text;Startbild", {"prompt": "Text", "image": "Startbild"}), ("prompt;Wo", {"image": "Wo"})]
)
def test_titles_below_a_title_line_are_known_by_what_is_mapped_and_in_other_words(
    titles: str, mapped: dict[str, str], tmp_path: Path
) -> None:
    """Also once our results stand beside them, for who knows nothing of the mapping."""
    manifest = manifest_of(tmp_path, f"My film;\n\n{titles}\nboat;https://x.y/a\n", mapped=mapped)
    (found,) = manifest.plan(manifest.open())
    assert (found.number, found.problems) == (4, ())
    cells = [("pending", *[None] * (len(RESULT_COLUMNS) - 1))]
    manifest.open().write(manifest.path, manifest.result_columns, cells, cells)
    assert open_table(manifest.path).header_row == 3


def test_our_columns_say_nothing_where_the_results_go_elsewhere(tmp_path: Path) -> None:
    """They are another ledger's, or the user's own."""
    text = "prompt,image,status\nx,https://x.y/a,failed\n"
    owns = [
        [one.own for one in manifest.plan(manifest.open())]
        for manifest in (manifest_of(tmp_path, text, reads_own=reads) for reads in (True, False))
    ]
    assert owns == [[{"status": "failed"}], [{}]]


def test_whatever_makes_the_same_bytes_mean_something_else_is_in_the_settings(tmp_path: Path) -> None:
    """And nothing else: the order in which mappings and prices were said, or where the table lies, is not."""
    manifest = manifest_of(tmp_path, mapped={"prompt": "a", "image": "b"})
    others = [
        replace(manifest, job=replace(JOB, endpoint="other")),
        replace(manifest, mapped={"prompt": "b", "image": "a"}),
        replace(manifest, prefix="k_"),
        replace(manifest, ignored=["tail"]),
        replace(manifest, prices={**JOB.prices, "5": 1}),
        replace(manifest, reads_own=False),
        replace(manifest, reading=ReadingOptions(encoding="cp1250")),
        replace(manifest, reading=ReadingOptions(header_row=2)),
    ]
    assert len({manifest.settings, *(one.settings for one in others)}) == len(others) + 1
    same = replace(
        manifest,
        path=tmp_path / "moved.csv",
        mapped={"image": "b", "prompt": "a"},
        prices=dict(reversed(JOB.prices.items())),
    )
    assert same.settings == manifest.settings
