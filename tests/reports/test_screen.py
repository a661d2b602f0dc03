"""What is said fits to where it is shown: words shorten before the time left is cut, a log has times."""

import fcntl
import os
import pty
import re
import struct
import termios
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.dispatch.tally import Tally
from batch.reports.progress import Eta, show
from batch.reports.screen import Screen, fitted, room, stamped
from tests.reports.test_progress import TIME, all_of
from tests.support.simulated import play

ETA = Eta(9, 300.0)

LONG = "12 of 45 rows done, 1 failed, 30 under way (2 in doubt), $12.25 spent, about 1 h 05 min left"


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (200, LONG),
        (len(LONG), LONG),
        (90, "12 of 45 done, 1 failed, 30 under way (2 in doubt), $12.25 spent, about 1 h 05 min left"),
        (85, "12 of 45 done, 1 failed, 30 under way (2 in doubt), $12.25 spent, ~1 h 05 min left"),
        (80, "12 of 45 done, 1 failed, 30 under way (2 in doubt), $12.25, ~1 h 05 min left"),
        (70, "12/45, 1 failed, 30 under way (2 in doubt), $12.25, ~1 h 05 min left"),
        (60, "12/45, 1 failed, 30 under way, 2 in doubt, ~1 h 05 min left"),
        (50, "12/45, 1 failed, 2 in doubt, ~1 h 05 min left"),
        (40, "~1 h 05 min left"),
        (5, "~1 h "),
        (0, ""),
        (-3, ""),
    ],
)
def test_words_are_shortened_before_the_time_left_is_cut(width: int, told: str) -> None:
    """It is what a person looks for; a bar of 80 columns leaves 70 for all of it."""
    assert fitted(LONG, width) == told


@given(st.text(max_size=150) | st.just(LONG) | st.just(LONG.replace("about", "x")), st.integers(-5, 160))
def test_a_line_always_fits(text: str, width: int) -> None:
    """Whatever it says; and as it is where there is room."""
    assert len(fitted(text, width)) <= max(0, width)
    if len(text) <= width:
        assert fitted(text, width) == text


def test_the_reason_of_a_pause_is_seen_from_its_beginning() -> None:
    """In place of the time left; its end may be cut."""
    text = "12 of 45 rows done, 3 under way, $12.25 spent, fal cannot be reached (no network); next try in 4 s"
    assert fitted(text, 70) == "12/45, fal cannot be reached (no network); next try in 4 s"
    assert fitted(text, 40) == "12/45, fal cannot be reached (no networ…"


def test_what_others_say_stands_above_the_bar() -> None:
    """The bar is taken away before it, and drawn again below; without a bar it is just said."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    screen, said = Screen(), list[str]()
    screen.above(said.append)("before")
    with os.fdopen(theirs, "w", encoding="utf-8") as out:

        async def watch() -> None:
            with anyio.move_on_after(2.0):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(show, Tally, ETA, out, screen)
                    await anyio.sleep(1.2)
                    screen.above(lambda text: out.write(f"{text}\n"))("the table is locked")

        play(watch)
        screen.above(said.append)("after")
    sent = all_of(ours).decode().replace("\r\n", "\n")
    before, after = sent.split("the table is locked\n")
    assert re.search(r"\r {40,}\r$", before)
    assert "%|" in after
    assert said == ["before", "after"]


def test_a_stamp_is_the_time_of_who_reads_it() -> None:
    """To the second, in front of every line."""
    assert re.fullmatch(rf"{TIME} said\n{TIME} and done", stamped("said\nand done"))


def test_the_room_beside_a_bar_is_that_of_the_terminal() -> None:
    """Where nobody knows how wide it is, of one that is usual."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    with os.fdopen(theirs, "w") as terminal, Path(os.devnull).open("w") as nowhere:
        assert room(terminal) - room(nowhere) == 40
    os.close(ours)


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (90, "12 of 45 done, 12 running, 30 waiting at fal (8,412th in line), $12.25 spent, ~3 h 05 min left"),
        (78, "12 of 45 done, 12 running, 30 waiting (8,412th in line), $12.25, ~3 h 05 min left"),
        (60, "12/45, 12 running, 30 waiting, $12.25, ~3 h 05 min left"),
    ],
)
def test_a_place_in_a_line_is_shortened_before_it_is_left_out(width: int, told: str) -> None:
    """A night that crawls must not look as if it hung."""
    text = (
        "12 of 45 rows done, 12 running, 30 waiting at fal (next is 8,412th in line), $12.25 spent, "
        "about 3 h 05 min left"
    )
    assert fitted(text, len(told)) == told
    assert len(fitted(text, width)) <= width
