"""How a run is shown while it is on: the line, the guess of the time left, a bar on a real terminal."""

import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from typing import TextIO

import anyio
import pytest
from anyio import current_time
from hypothesis import given
from hypothesis import strategies as st

from batch.core.worker import FalCounts
from batch.dispatch.tally import Tally
from batch.reports.progress import LINE_SECONDS, Eta, duration, line, show
from batch.reports.screen import Screen
from tests.support.simulated import play

ETA = Eta(9, 300.0)
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
COLUMNS = 60


@pytest.mark.parametrize(
    ("tally", "told"),
    [
        (Tally(), "0 of 9 rows done, 0 under way, $0.00 spent, about 45 min left"),
        (Tally(under_way=3, at_once=3), "0 of 9 rows done, 3 under way, $0.00 spent, about 15 min left"),
        (Tally(under_way=3, fetching=1), "0 of 9 rows done, 2 under way, $0.00 spent, about 45 min left"),
        (
            Tally(succeeded=2, under_way=1, spent=980_000),
            "2 of 9 rows done, 1 under way, $0.98 spent, about 0 s left",
        ),
        (
            Tally(succeeded=1, failed=2, spent=1),
            "3 of 9 rows done, 2 failed, 0 under way, $0.000001 spent, about 0 s left",
        ),
        (
            Tally(failed=1, in_doubt=2, at_once=4),
            "1 of 9 rows done, 1 failed, 2 under way (2 in doubt), $0.00 spent, about 15 min left",
        ),
        (
            Tally(under_way=42, at_fal=FalCounts(12, 30, 8411), at_once=42),
            "0 of 9 rows done, 12 running, 30 waiting at fal (next is 8,412th in line), $0.00 spent, about 5 min left",
        ),
        (
            Tally(under_way=4, at_fal=FalCounts(3, 1), at_once=4),
            "0 of 9 rows done, 3 running, 1 waiting at fal, $0.00 spent, about 15 min left",
        ),
        (
            Tally(under_way=2, at_fal=FalCounts(0, 2, 1), at_once=2),
            "0 of 9 rows done, 0 running, 2 waiting at fal (next is 2nd in line), $0.00 spent, about 45 min left",
        ),
        (
            Tally(under_way=40, at_fal=FalCounts(3, 37), at_once=40, run_seconds=100.0, wait_seconds=900.0),
            "0 of 9 rows done, 3 running, 37 waiting at fal, $0.00 spent, about 20 min left",
        ),
        (Tally(left=3), "0 of 9 rows done, 0 under way, $0.00 spent, about 45 min left"),
        (Tally(succeeded=9, at_once=3), "9 of 9 rows done, 0 under way, $0.00 spent, about 0 s left"),
        (
            Tally(notice="fal cannot be reached (no network); next try in 4 s"),
            "0 of 9 rows done, 0 under way, $0.00 spent, fal cannot be reached (no network); next try in 4 s",
        ),
    ],
)
def test_the_line_says_what_there_is_to_say(tally: Tally, told: str) -> None:
    """What is zero and bad is left out; while fal cannot be reached there is no guess but the reason."""
    assert line(tally, ETA, 0.0) == told


@pytest.mark.parametrize(
    ("ended", "elapsed", "at_once", "left"),
    [
        (0, 0.0, 10, 3000.0),  # a hundred rows, ten at a time: ten rounds
        (0, 0.0, 100, 300.0),
        (0, 0.0, 99, 600.0),
        (9, 600.0, 10, 2400.0),  # one less than run at once: still the job's word
        (10, 600.0, 10, 5400.0),  # as many: ninety at the rate so far
        (50, 1000.0, 10, 1000.0),
        (1, 1e6, 10, 150.0),  # far beyond the guess: never less than half a run
        (99, 990.0, 10, 10.0),
        (100, 1000.0, 10, 0.0),
        (101, 1000.0, 10, 0.0),
    ],
)
def test_the_guess_goes_by_the_jobs_word_first_and_then_by_the_rate(
    ended: int, elapsed: float, at_once: int, left: float
) -> None:
    """From the moment on when as many rows have ended as run at once."""
    assert Eta(100, 300.0).left(ended, elapsed, at_once) == pytest.approx(left)


@given(st.integers(0, 5000), st.integers(0, 5000), st.floats(0.001, 1e6), st.integers(1, 2000), st.floats(0.1, 1e4))
def test_the_time_left_is_never_negative_and_nothing_only_when_all_is_done(
    rows: int, ended: int, elapsed: float, at_once: int, typical: float
) -> None:
    """Whatever was counted."""
    left = Eta(rows, typical).left(ended, elapsed, at_once)
    assert left >= 0
    assert (left == 0) == (ended >= rows)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, "0 s"),
        (0.1, "10 s"),
        (10.0, "10 s"),
        (10.1, "20 s"),
        (59.0, "60 s"),
        (60.0, "1 min"),
        (75.0, "2 min"),
        (3540.0, "59 min"),
        (3541.0, "1 h 00 min"),
        (3600.0, "1 h 00 min"),
        (3601.0, "1 h 01 min"),
        (90_000.0, "25 h 00 min"),
    ],
)
def test_a_guess_has_no_more_digits_than_it_deserves(seconds: float, told: str) -> None:
    """Tens of seconds, minutes, hours and minutes; always up."""
    assert duration(seconds) == told


def shown(out: TextIO, tally: Callable[[], Tally], seconds: float) -> None:
    """So much of the mock clock is shown."""

    async def watch() -> None:
        with anyio.move_on_after(seconds):
            await show(tally, ETA, out, Screen())

    play(watch)


def test_a_log_gets_a_line_a_minute_and_nothing_else() -> None:
    """With the time and the counts of that minute; a run shorter than that gets none."""
    out = StringIO()
    shown(out, Tally, LINE_SECONDS - 1)
    assert out.getvalue() == ""
    shown(out, lambda: Tally(succeeded=int(current_time() // LINE_SECONDS)), 2 * LINE_SECONDS + 1)
    lines = [re.fullmatch(rf"{TIME} (.*)", told) for told in out.getvalue().splitlines()]
    assert [told and told[1].split(",")[0] for told in lines] == ["1 of 9 rows done", "2 of 9 rows done"]


def all_of(terminal: int) -> bytes:
    """What a terminal was sent whose other end is closed."""
    sent = b""
    with suppress(OSError):  # the end, as Linux says it
        while block := os.read(terminal, 65_536):
            sent += block
    os.close(terminal)
    return sent


def test_a_terminal_gets_a_bar_that_fits_and_is_gone_at_the_end() -> None:
    """Drawn anew twice a second on one line, never wider than the terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, COLUMNS, 0, 0))
    with os.fdopen(theirs, "w", encoding="utf-8") as out:
        shown(out, lambda: Tally(succeeded=min(9, int(current_time() * 4)), at_once=3), 2.4)
    sent = all_of(ours).decode()
    drawn = [one for one in sent.split("\r") if "%|" in one]
    assert re.findall(r"(\d+)%\|", sent)[-1] == "89"
    assert drawn[-1].rstrip().endswith("8 of 9 done, 0 under way, $0.00 spent, ~10 s left")
    assert all(len(one) <= COLUMNS for one in sent.split("\r"))
    assert "\n" not in sent
    assert sent.rsplit("%|", 1)[1].split("\r")[1].strip() == ""
