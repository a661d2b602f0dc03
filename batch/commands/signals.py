"""Hears the signals that end a command, from its first moment to its last: it always ends with 130."""

import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from batch.errors import Exit

# The order in which they are armed: whoever sees the last one armed knows that all are.
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGHUP", "SIGTERM") if hasattr(signal, name)]


@dataclass(slots=True)
class _Hearing:
    asked: bool = False
    """The first signal has come."""
    listeners: list[socket.socket] = field(default_factory=list)
    """A socket that wakes each who listens and ends the command in good order: several runs may share a process."""
    handlers: dict[signal.Signals, Any] = field(default_factory=dict)
    """Whose the signals were before anybody listened, ..."""
    wakeup: int = -1
    """... and the file that they woke."""


_hearing = _Hearing()


def arm() -> None:
    """From here on a signal ends the process with 130, at once where nobody listens: every step is safe to stop in.

    One that is ignored (`nohup`, a job in the background of a shell) stays so.
    """
    for one in _SIGNALS:
        if signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, _heard)


def _heard(_number: int, _frame: object) -> None:
    if _hearing.listeners and not _hearing.asked:
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

        if not _hearing.listeners:  # what was asked of an earlier run is nothing to this one
            _hearing.asked = False
        yield sleep_forever
        return
    receiving, waking = socket.socketpair()
    receiving.setblocking(False)
    waking.setblocking(False)
    _join(waking)
    try:
        yield lambda: _first_signal(receiving)
    finally:
        _leave(waking)
        receiving.close()
        waking.close()


def _join(waking: socket.socket) -> None:
    wakeup = signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    if not _hearing.listeners:
        _hearing.asked, _hearing.wakeup = False, wakeup
        _hearing.handlers = {one: signal.getsignal(one) for one in _SIGNALS}
    _hearing.listeners.append(waking)
    arm()


def _leave(waking: socket.socket) -> None:
    """The signals wake another who listens; after the last one whoever had them before, if it is still there."""
    _hearing.listeners.remove(waking)
    if not _hearing.listeners:
        for one, handler in _hearing.handlers.items():
            if handler is not _heard and handler is not None:
                signal.signal(one, handler)
    woken = _hearing.listeners[-1].fileno() if _hearing.listeners else _hearing.wakeup
    current = signal.set_wakeup_fd(-1)
    with suppress(OSError, ValueError):  # closed meanwhile: nobody is woken
        signal.set_wakeup_fd(woken if current == waking.fileno() else current, warn_on_full_buffer=False)


async def _first_signal(receiving: socket.socket) -> None:
    from anyio import wait_readable

    while not _hearing.asked:
        await wait_readable(receiving)
        with suppress(BlockingIOError):
            receiving.recv(64)
    for waking in _hearing.listeners:  # a signal wakes one: that one wakes the others
        with suppress(BlockingIOError):
            waking.send(b"\0")


def asked_to_end() -> bool:
    """Whether a signal has come since the listening began: also one that came too late to be waited for."""
    return _hearing.asked
