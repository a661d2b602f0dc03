"""Keeps the standard streams from ending a command: closed, full, gone, or without a letter for it."""

import io
import os
import select
import sys
from contextlib import suppress
from typing import Any

PATIENCE = 1.0
"""Seconds that stderr is waited for while nobody reads it (a stopped terminal, a pager); then it loses lines."""
_AT_ONCE = select.PIPE_BUF if hasattr(select, "PIPE_BUF") else 512
"""Bytes that a pipe with room takes without waiting (POSIX)."""


def keep_streams() -> None:
    """From here on whatever is printed goes out as far as it can, and nothing of it raises.

    The exit code speaks of the rows: a night must not end because somebody closed its terminal or filled a disk.
    """
    _plug()
    sys.stdout = _lasting(sys.stdout, 1, None)  # what was asked for: whoever reads it may take their time
    sys.stderr = _lasting(sys.stderr, 2, PATIENCE)


def _plug() -> None:
    """Of the first three files none is left closed: the next one opened, the ledger, would take what is printed."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest one that is free, by POSIX
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)


def _lasting(stream: Any, descriptor: int, patience: float | None) -> Any:
    """The same stream, of which no write fails; what its code page lacks is written as `\\u1234`."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    if stream is not None and type(raw) is not io.FileIO:  # a console of Windows
        stream.reconfigure(errors="backslashreplace")
        return stream
    writer = io.BufferedWriter(_Lasting(descriptor, patience))
    encoding = "utf-8" if stream is None else stream.encoding  # None: it was closed when the interpreter began
    return io.TextIOWrapper(writer, encoding, "backslashreplace", line_buffering=True)


class _Lasting(io.FileIO):
    """Writes as long as somebody takes it; what nobody takes is lost.

    Args:
        patience: seconds to wait for somebody who does not read; None: for ever.
    """

    def __init__(self, descriptor: int, patience: float | None) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._patience = self._left = patience

    def write(self, data: Any, /) -> int:
        given = memoryview(data).cast("B")
        with suppress(OSError):
            left = given
            while left and self._has_room():
                taken = super().write(left[:_AT_ONCE])  # None: it was set not to wait, and is full again
                left = left[taken or 0 :]
        return len(given)

    def _has_room(self) -> bool:
        """Waits for it; not again for the next line where it was in vain."""
        if sys.platform == "win32":
            return True
        has_room = bool(select.select([], [self], [], self._left)[1])
        self._left = self._patience if has_room else 0.0
        return has_room
