"""What a person sees at the terminal, and what a log file gets."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from tests.support.night import Night, night

COLUMNS = 80


def on_a_terminal(now: Night, *arguments: object) -> tuple[int, str]:
    """Runs the command with a terminal for its stderr; its exit code, and all that the terminal was sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "batch", *map(str, arguments)]
    child = subprocess.Popen(command, env=now.environment, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    sent = b""
    try:
        while block := os.read(ours, 65_536):
            sent += block
    except OSError:  # the terminal's other end is closed
        pass
    finally:
        os.close(ours)
        code = child.wait()
    return code, sent.decode()


def test_a_terminal_shows_a_bar_with_all_that_counts(tmp_path: Path) -> None:
    """Rows done, failed, under way, money spent, time left; the bar is gone when the summary comes."""
    with night(tmp_path, slots=3, run_seconds=1.2) as now:  # longer than the bar takes to be drawn twice
        shots = now.manifest(9, prompt=lambda n: f"p{n} [[no_media_generated]]" if n < 2 else f"p{n}")
        code, sent = on_a_terminal(now, "run", shots, "--concurrency", 3)
        assert code == 1
        assert "Traceback" not in sent
        shown = re.findall(r"%\|[^|]+\| ([^\r]*)", sent)
        told = re.compile(
            r"\d of 9 rows done, 2 failed, 3 (under way|running, 1 waiting at fal), \$\d\.\d\d spent, about \d+ s left"
        )
        assert [line for line in shown if told.fullmatch(line.strip())], shown
        assert all(len(line) <= COLUMNS for line in re.split(r"[\r\n]+", sent) if "%|" in line)
        assert "7 of 9 rows have their video" in sent.rpartition("\r")[0].rpartition("%|")[2]
        assert "2 failed with no_media_generated" in sent


def test_without_a_terminal_there_are_plain_lines_only(tmp_path: Path) -> None:
    """A log gets no bar and no control characters."""
    with night(tmp_path) as now:
        ended = now.run("run", now.manifest(2))
        assert ended.code == 0
        assert re.fullmatch(r"[^\x00-\x09\x0b-\x1f]*", ended.err)
        assert len(ended.err.splitlines()) == 6
