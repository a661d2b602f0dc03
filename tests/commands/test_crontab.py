"""One marked line a table; every other line of the crontab as it was, byte for byte."""

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.commands.crontab import LONGEST, line_of, night_of, nights_in, with_line, without_line
from batch.core.planned_night import PlannedNight
from batch.errors import UsageError

FOLDER = 'Schnee & Eis 100% "neu"'
PYTHON = ("/usr/bin/python3", "-P", "-m", "batch", "run")


def night(table: str = f"/home/me/{FOLDER}/shots.csv", hour: int = 22, **more: object) -> PlannedNight:
    command = (*PYTHON, table, "--cron", "--max-spend", "20")
    told = {"days": (0, 4), "folder": table.rpartition("/")[0], "command": command, "environment": {"LANG": "C.UTF-8"}}
    return PlannedNight(table, time(hour, 5), **{**told, **more})  # type: ignore[arg-type]


def test_the_line_is_one_line_with_its_time_and_its_mark() -> None:
    """Days by cron's numbers, percent signs escaped."""
    line = line_of(night())
    assert line.startswith("5 22 * * 1,5 cd '/home/me/Schnee & Eis 100\\% \"neu\"' && LANG=C.UTF-8 /usr/bin/python3 ")
    assert line.endswith(f" --max-spend 20 # kling-batch:{night().tag}")


@given(
    st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.sets(st.integers(0, 6), min_size=1),
    st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8), max_size=4),
)
def test_a_line_is_read_back_as_it_was_meant(name: str, days: set[int], options: list[str]) -> None:
    """Its time, its days, its table and its words."""
    table = f"/film/{name}"
    meant = night(table, days=tuple(sorted(days)), command=(*PYTHON, table, *options))
    found = night_of(line_of(meant))
    assert found is not None
    assert (found.table, found.at, tuple(found.days)) == (table, meant.at, tuple(meant.days))
    assert list(found.command) == list(meant.command)
    assert found.environment == meant.environment


LINES = st.lists(
    st.binary(max_size=30).filter(
        lambda line: b"\n" not in line and b"SHELL" not in line and b"kling-batch:" not in line
    ),
    max_size=6,
)


@given(LINES, LINES)
def test_all_other_lines_stay_byte_for_byte(above: list[bytes], below: list[bytes]) -> None:
    """Put there, put there again at another time, and taken away."""
    before = b"".join(line + b"\n" for line in above)
    after = b"".join(line + b"\n" for line in below)
    first = with_line(before, night())
    assert first == before + line_of(night()).encode() + b"\n"
    again = with_line(first + after, night(hour=3))
    assert again == before + line_of(night(hour=3)).encode() + b"\n" + after
    assert with_line(again, night(hour=3)) == again
    assert without_line(again, night().tag) == before + after


def test_each_table_has_a_line_of_its_own() -> None:
    """One does not take another's place."""
    both = with_line(with_line(b"", night()), night("/film/b.csv"))
    assert [one.table for one in nights_in(both)] == [night().table, "/film/b.csv"]
    assert nights_in(without_line(both, night().tag))[0].table == "/film/b.csv"


def test_a_line_that_somebody_put_out_of_use_is_theirs() -> None:
    """Neither replaced nor listed."""
    off = b"# " + line_of(night()).encode() + b"\n"
    assert nights_in(off) == []
    assert without_line(off, night().tag) == off


def test_a_last_line_without_an_end_gets_one() -> None:
    """Or ours would be part of it."""
    assert with_line(b"MAILTO=me", night()).startswith(b"MAILTO=me\n5 22 ")


def test_a_line_that_cron_would_cut_off_is_refused_with_a_way_out() -> None:
    """Half a command would run without its cap."""
    with pytest.raises(UsageError, match=rf"cron takes {LONGEST}: put the options into kling-batch.toml"):
        line_of(night(command=(*PYTHON, "x" * LONGEST)))


@pytest.mark.parametrize("shell", [b"/usr/bin/fish", b'"/bin/tcsh"'])
def test_a_crontab_of_a_shell_that_reads_otherwise_is_left_alone(shell: bytes) -> None:
    """It says so; bash and the like are fine."""
    with pytest.raises(UsageError, match="set SHELL=/bin/sh"):
        with_line(b"SHELL=" + shell + b"\n", night())
    assert with_line(b"SHELL=/usr/bin/fish\nSHELL=/bin/bash\n", night()).count(b"\n") == 3
