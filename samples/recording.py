"""Makes `night.svg`, the picture of a terminal in the README: `python samples/recording.py`.

The real command runs in a pseudo-terminal, against the sandbox; what it writes is shown by a terminal emulator (pyte),
and each screen becomes a frame of an SVG that plays by itself.
"""

import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
COMMANDS = (
    "kling-batch check quickstart.csv",
    "kling-batch run quickstart.csv --sandbox",
    "kling-batch status quickstart.csv --sandbox",
)
COLUMNS, LINES = 100, 24
TYPED, PAUSE, END = 0.05, 1.2, 4.0
"""Seconds for a letter that is typed, after a command, and at the end."""
LETTER, LINE = 8.4, 18
"""Width of a letter and height of a line, in pixels."""


@dataclass(frozen=True)
class Frame:
    """What the screen shows from a moment on, in seconds."""

    at: float
    lines: Sequence[str]


def record(folder: Path) -> list[Frame]:
    """The commands typed one after another, and run for real in this folder."""
    import pyte

    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.Stream(screen)
    frames: list[Frame] = []
    clock = 0.0

    def show(text: str, seconds: float) -> None:
        nonlocal clock
        stream.feed(text)
        lines = [line.rstrip() for line in screen.display]
        if not frames or frames[-1].lines != lines:
            frames.append(Frame(clock, lines))
        clock += seconds

    for command in COMMANDS:
        show("$ ", PAUSE / 2)
        for letter in command:
            show(letter, TYPED)
        show("\r\n", 0.0)
        for text, seconds in _run(command, folder):
            show(text, seconds)
        clock += PAUSE
    show("$ ", END)
    return frames


def _run(command: str, folder: Path) -> Iterator[tuple[str, float]]:
    """What a command writes to its terminal, each piece with the seconds until the next one."""
    ours, theirs = pty.openpty()
    _set_size(theirs)
    argv = [sys.executable, "-m", "batch", *command.split()[1:]]
    environment = {
        **os.environ,
        "TERM": "xterm",
        "PYTHONPATH": str(HERE.parent),
        "XDG_STATE_HOME": str(folder / ".state"),
    }
    with subprocess.Popen(  # noqa: S603 - the commands above
        argv, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment
    ) as child:
        os.close(theirs)
        last = time.monotonic()
        while True:
            ready, _, _ = select.select([ours], [], [], 0.1)
            try:
                data = os.read(ours, 65536) if ready else b""
            except OSError:  # nobody has the other end any more
                break
            if data:
                now = time.monotonic()
                yield "", now - last
                yield data.decode("utf-8", "replace"), 0.0
                last = now
            elif child.poll() is not None:
                break
    os.close(ours)


def _set_size(terminal: int) -> None:
    import fcntl
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))


def svg(frames: Sequence[Frame], seconds: float) -> str:
    """The frames as one picture that begins again when it has ended; each different line stands in it once."""
    known: dict[str, str] = {}
    for frame in frames:
        for line in frame.lines:
            if line:
                known.setdefault(line, f"l{len(known)}")
    width, height = round(COLUMNS * LETTER) + 32, LINES * LINE + 32
    texts = "\n".join(f'<text id="{name}">{escape(line)}</text>' for line, name in known.items())
    shown = "\n".join(_frame(number, frame, known) for number, frame in enumerate(frames))
    styles = "\n".join(_style(number, frame, frames, seconds) for number, frame in enumerate(frames))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<title>kling-batch: a table is checked, and a night is rehearsed</title>
<style>
text {{ font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #d8dee9; white-space: pre }}
g {{ visibility: hidden }}
{styles}
@media (prefers-reduced-motion) {{ g {{ animation: none !important }} g:last-of-type {{ visibility: visible }} }}
</style>
<rect width="100%" height="100%" rx="8" fill="#1f242d"/>
<defs>
{texts}
</defs>
{shown}
</svg>
"""


def _frame(number: int, frame: Frame, known: dict[str, str]) -> str:
    lines = (f'<use href="#{known[line]}" x="16" y="{30 + at * LINE}"/>' for at, line in enumerate(frame.lines) if line)
    return f'<g id="f{number}">{"".join(lines)}</g>'


def _style(number: int, frame: Frame, frames: Sequence[Frame], seconds: float) -> str:
    begin = 100 * frame.at / seconds
    end = 100 * frames[number + 1].at / seconds if number + 1 < len(frames) else 100.0
    steps = f"0% {{ visibility: {'visible' if number == 0 else 'hidden'} }}"
    steps += (
        f" {begin:.3f}% {{ visibility: visible }} {end:.3f}% {{ visibility: {'visible' if end == 100 else 'hidden'} }}"
    )
    return f"#f{number} {{ animation: k{number} {seconds:.2f}s step-end infinite }} @keyframes k{number} {{ {steps} }}"


def make(target: Path) -> None:
    """In a folder of its own, so that nothing is left in this one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(HERE / "quickstart.csv", folder)
        shutil.copytree(HERE / "images", folder / "images")
        frames = record(folder)
    target.write_text(svg(frames, frames[-1].at + END), encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "night.svg")
