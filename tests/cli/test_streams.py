"""However its streams break, a command goes on, and its exit code speaks of the rows."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.night import PATIENCE, Night, kill, ledger, night, statuses, unstamped, until

Streams = dict[str, int | None]
Way = Callable[[ExitStack], Streams]
"""The files of a command's streams; None: closed."""

NULL = subprocess.DEVNULL


def opened(path: str, flags: int = os.O_RDWR) -> Callable[[ExitStack], int]:
    def make(stack: ExitStack) -> int:
        descriptor = os.open(path, flags)
        stack.callback(os.close, descriptor)
        return descriptor

    return make


full, read_only = opened("/dev/full"), opened("/dev/null", os.O_RDONLY)


def unread(stack: ExitStack) -> int:
    """A pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    stack.callback(os.close, writing)
    return writing


def stuffed(stack: ExitStack, *, waits: bool = False) -> int:
    """A pipe that is full, and that nobody reads."""
    reading, writing = os.pipe()
    stack.callback(os.close, reading)
    stack.callback(os.close, writing)
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writing, waits)
    return writing


def hung_up(stack: ExitStack) -> int:
    """A terminal whose other side is gone: a window that was closed, a connection that was lost."""
    other, terminal = pty.openpty()
    os.close(other)
    stack.callback(os.close, terminal)
    return terminal


def stopped(stack: ExitStack) -> int:
    """A terminal that shows no more: somebody typed Ctrl-S."""
    import termios

    other, terminal = pty.openpty()
    stack.callback(os.close, other)
    stack.callback(os.close, terminal)
    termios.tcflow(terminal, termios.TCOOFF)
    return terminal


WAYS: dict[str, Way] = {
    "stderr closed": lambda _: {"stderr": None},
    "stdout closed": lambda _: {"stdout": None},
    "both closed": lambda _: {"stdout": None, "stderr": None},
    "all three closed": lambda _: {"stdin": None, "stdout": None, "stderr": None},
    "stderr full": lambda stack: {"stderr": full(stack)},
    "stdout full": lambda stack: {"stdout": full(stack)},
    "both full": lambda stack: {"stdout": full(stack), "stderr": full(stack)},
    "stderr gone": lambda stack: {"stderr": unread(stack)},
    "stdout gone": lambda stack: {"stdout": unread(stack)},
    "both gone": lambda stack: {"stdout": unread(stack), "stderr": unread(stack)},
    "neither to be written": lambda stack: {"stdout": read_only(stack), "stderr": read_only(stack)},
    "stderr stuffed": lambda stack: {"stderr": stuffed(stack)},
    "stderr stuffed and waited for": lambda stack: {"stderr": stuffed(stack, waits=True)},
    "the terminal hung up": lambda stack: dict.fromkeys(("stdin", "stdout", "stderr"), hung_up(stack)),
    "the terminal stopped": lambda stack: {"stderr": stopped(stack)},
}
PAGES = {
    # what is set: the code page, and what it lacks
    "ASCII": ({"PYTHONIOENCODING": "ascii"}, "ascii", "M\\xf6we \\u8239 \\U0001f3ac"),
    "ASCII strictly": ({"PYTHONIOENCODING": "ascii:strict"}, "ascii", "M\\xf6we \\u8239 \\U0001f3ac"),
    "the C locale": (
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        "ascii",
        "M\\udcc3\\udcb6we \\udce8\\udc88",  # names of files are bytes there
    ),
    "Windows-1252": ({"PYTHONIOENCODING": "cp1252"}, "cp1252", "Möwe \\u8239 \\U0001f3ac"),
    "the code page of DOS": ({"PYTHONIOENCODING": "cp850"}, "cp850", "Möwe \\u8239 \\U0001f3ac"),
}
NAME = "Möwe 船 🎬.csv"

linux = pytest.mark.skipif(sys.platform != "linux", reason="the streams of Linux")


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    with night(tmp_path_factory.mktemp("streams")) as one:
        yield one


def code_of(now: Night, streams: Streams, *arguments: object) -> int:
    """Runs a command with these streams to its end."""
    child = [sys.executable, "-c", CLOSING, *map(str, arguments)]
    closed = [str(number) for number, name in enumerate(("stdin", "stdout", "stderr")) if streams.get(name, 0) is None]
    files = {name: streams.get(name) or NULL for name in ("stdin", "stdout", "stderr")}
    environment = now.environment | {"CLOSED": " ".join(closed)}
    return subprocess.run(child, env=environment, cwd=now.folder, timeout=PATIENCE, check=False, **files).returncode


CLOSING = """
import os, sys
for number in map(int, os.environ["CLOSED"].split()):
    os.close(number)
os.execv(sys.executable, [sys.executable, "-m", "batch", *sys.argv[1:]])
"""


@linux
@pytest.mark.parametrize("way", WAYS)
def test_a_night_goes_on_without_its_streams(way: str, now: Night) -> None:
    """One row of two is bought, once, and the code says that one is left; the ledger holds nothing but itself."""
    shots = now.manifest(2, name=f"{way}.csv", prompt=lambda number: f"{way} {number}")
    with ExitStack() as stack:
        assert code_of(now, WAYS[way](stack), "run", shots, "--limit", 1, "--json") == 3
    assert statuses(shots) == {"succeeded": 1, "pending": 1}
    assert now.accepted[f"{way} 0"] == 1
    assert now.accepted[f"{way} 1"] == 0
    assert ledger(shots, "PRAGMA integrity_check") == [("ok",)]


@linux
@pytest.mark.parametrize("way", ["stdout closed", "both closed", "stdout full", "stdout gone", "the terminal hung up"])
@pytest.mark.parametrize(("command", "code"), [("check", 1), ("status", 2), ("nonsense", 2), ("--help", 0)])
def test_a_question_has_its_code_without_an_answer(way: str, command: str, code: int, now: Night) -> None:
    """Also what click itself prints."""
    shots = now.folder / "asked.csv"
    shots.write_text("prompt,image\na,https://example.com/a.png\n,https://example.com/a.png\n")
    with ExitStack() as stack:
        assert code_of(now, WAYS[way](stack), command, shots) == code


@linux
def test_a_reader_of_one_line_ends_no_night(now: Night) -> None:
    """`kling-batch run … 2>&1 | head -1`."""
    shots = now.manifest(2, name="head.csv", prompt="head {}".format)
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "batch", "run", str(shots), "--limit", "1", "--json"]
    child = subprocess.Popen(command, env=now.environment, cwd=now.folder, stdin=NULL, stdout=writing, stderr=writing)
    os.close(writing)
    with os.fdopen(reading) as lines:
        assert unstamped(lines.readline()).startswith("columns: ")
    assert child.wait(PATIENCE) == 3
    assert statuses(shots) == {"succeeded": 1, "pending": 1}


@pytest.mark.parametrize("page", PAGES)
def test_a_letter_that_a_code_page_lacks_is_escaped(page: str, now: Night) -> None:
    """In the words of a run and of a check, and in JSON so that it stays JSON."""
    folder = now.folder / page
    folder.mkdir()
    shots = folder / NAME
    shots.write_text("id,prompt,image\nMöwe 船,a,https://example.com/a.png\nb,,https://example.com/a.png\n", "utf-8")
    more, encoding, shown = PAGES[page]
    for command in ("run", "check"):
        child = [sys.executable, "-m", "batch", command, str(shots), "--json"]
        ended = subprocess.run(
            child, env=now.environment | more, cwd=folder, timeout=PATIENCE, capture_output=True, check=False
        )
        assert ended.returncode == 1, ended.stderr
        assert json.loads(ended.stdout.decode(encoding))["exit_code"] == 1
        if command == "run":
            assert shown in ended.stderr.decode(encoding)
            table = json.loads(ended.stdout.decode(encoding))["table"]
            name = str(shots)
            assert table == (os.fsencode(name).decode("ascii", "surrogateescape") if page == "the C locale" else name)


@linux
def test_what_is_asked_for_waits_for_its_reader(now: Night) -> None:
    """`kling-batch check … --all | less`: nothing of it is lost, however slowly it is read."""
    shots = now.folder / "long.csv"
    shots.write_text("prompt,image\n" + ",https://example.com/a.png\n" * 3000)
    child = now.start("check", shots, "--all")
    assert child.stdout is not None
    try:
        until(lambda: child.poll() is not None or blocked(child), child)
        assert child.poll() is None
        assert child.stdout.read().count("is empty") == 3000
        assert child.wait(PATIENCE) == 1
    finally:
        kill(child)


def blocked(child: "subprocess.Popen[str]") -> bool:
    """Whether it waits for room in its pipe."""
    where = Path(f"/proc/{child.pid}/wchan").read_text()
    return "select" in where or "pipe" in where or "poll" in where
