"""Hears the signals that end a command, from its first moment to its last: it always ends with 130."""

import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from batch.errors import Exit

# The order in which they are armed: whoever sees the last one armed knows that all are.
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGHUP", "SIGTERM") if hasattr(signal, name)]


@dataclass(slots=True)
class _Hearing:
    listening: bool = False
    """Somebody ends the command in good order at the first signal."""
    asked: bool = False
    """The first signal has come."""


_hearing = _Hearing()


def arm() -> None:
    """From here on a signal ends the process with 130, at once where nobody listens: every step is safe to stop in.

    One that is ignored (`nohup`, a job in the background of a shell) stays so.
    """
    for one in _SIGNALS:
        if signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, _heard)


def _heard(_number: int, _frame: object) -> None:
    if _hearing.listening and not _hearing.asked:
        _hearing.asked = True
        return  # the listener is woken by the file that `set_wakeup_fd` names
    with suppress(OSError):
        os.write(2, b"kling-batch: interrupted; run it again to go on\n")
    os._exit(Exit.INTERRUPTED)


@contextmanager
def listening() -> Iterator[Callable[[], Awaitable[None]]]:
    """While it lasts the first signal is waited for by what it gives; the second one ends the process at once.

    In any thread but the main one Python hears no signals, and the waiting has no end.
    """
    if threading.current_thread() is not threading.main_thread():
        from anyio import sleep_forever

        _hearing.asked = False
        yield sleep_forever
        return
    before = {one: signal.getsignal(one) for one in _SIGNALS}
    ear, mouth = socket.socketpair()
    ear.setblocking(False)
    mouth.setblocking(False)
    _hearing.listening, _hearing.asked = True, False
    others = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    arm()
    try:
        yield lambda: _first_signal(ear)
    finally:
        _hearing.listening = False
        for one, handler in before.items():
            if handler is not _heard and handler is not None:
                signal.signal(one, handler)
        signal.set_wakeup_fd(others)
        ear.close()
        mouth.close()


async def _first_signal(ear: socket.socket) -> None:
    from anyio import wait_readable

    while not _hearing.asked:
        await wait_readable(ear)
        with suppress(BlockingIOError):
            ear.recv(64)


def asked_to_end() -> bool:
    """Whether a signal has come since the listening began: also one that came too late to be waited for."""
    return _hearing.asked
