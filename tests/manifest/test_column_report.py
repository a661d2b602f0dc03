"""What is told of a table's columns: which is read as what, what holds for the others, what is left alone."""

from batch.manifest.column_report import ColumnReport, column_report
from batch.manifest.columns import find_columns
from jobs.kling import KLING_2_1_PRO as JOB


def report(header: list[str], *, ours: tuple[str, ...] = ("status", "cost_usd"), **mapped: str) -> ColumnReport:
    return column_report(JOB, find_columns(header, JOB, mapped, {}, ours=ours), ours)


def test_each_input_is_told_with_the_column_that_it_is_read_from() -> None:
    """Without it where the column goes by the input's own name."""
    lines = report(["ID", "Prompt", "Startbild", "tail-image-url"], image="Startbild").lines()
    assert lines[0] == "columns: prompt, image from 'Startbild', tail_image from 'tail-image-url', id"


def test_what_holds_without_a_column_is_told_with_its_unit() -> None:
    """The duration decides the price."""
    lines = report(["prompt", "image"]).lines()
    assert lines[1:] == [
        "no tail_image column; no duration column: every row 5 s; "
        "no negative_prompt column: every row 'blur, distort, and low quality'; no cfg_scale column: every row 0.5"
    ]


def test_nothing_is_told_of_what_there_is_not() -> None:
    """A table of all inputs and nothing else is one line."""
    header = ["prompt", "image", "tail_image", "duration", "negative_prompt", "cfg_scale", "", "status"]
    assert report(header).lines() == ["columns: prompt, image, tail_image, duration, negative_prompt, cfg_scale"]


def test_a_column_of_the_users_that_is_named_like_ours_is_told() -> None:
    """Two columns of nearly one name are taken for each other; a prefix makes them others."""
    header = ["prompt", "image", "note", "Status", "Cost USD"]
    found = report(header)
    assert found.lines()[-3:] == [
        "left alone: 'note', 'Status', 'Cost USD'",
        "your column 'Status' is left alone: ours is 'status'",
        "your column 'Cost USD' is left alone: ours is 'cost_usd'",
    ]
    assert report(header, ours=("k_status",)).alike == {}


def test_the_same_is_there_for_a_program() -> None:
    """By the inputs' names."""
    found = report(["prompt", "Bild", "note"], image="Bild").json()
    assert found["read"] == {"prompt": "prompt", "image": "Bild"}
    assert found["defaults"]["duration"] == "5 s"
    assert found["left_alone"] == ["note"]
