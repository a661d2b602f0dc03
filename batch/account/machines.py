"""Tells whether another machine writes into the same book, which only one at a time may do."""

import time
from pathlib import Path
from typing import NamedTuple

from batch.account.book import AccountBook

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
UPTIME = Path("/proc/uptime")
BEAT_SECONDS = 60.0
"""How often a run notes that it is at work."""
ALIVE_SECONDS = 600.0
"""So long after its last note another machine may still be at work."""
_NOTE = "machine"


class Machine(NamedTuple):
    """A machine since it was started; containers of one are the same: SQLite needs them to share its memory."""

    boot_id: str
    """Empty: not known."""
    booted_at: float
    """Seconds since 1970."""


def this_machine() -> Machine:
    """As Linux tells it; elsewhere nothing is known."""
    try:
        boot_id = BOOT_ID.read_text(encoding="ascii").strip()
        return Machine(boot_id, time.time() - float(UPTIME.read_text(encoding="ascii").split()[0]))
    except (OSError, ValueError, IndexError):
        return Machine("", 0.0)


def other_at_work(book: AccountBook, machine: Machine, now: float) -> bool:
    """Whether another machine has written into the book lately.

    One that did so before this one was started may be this one, before it was started anew.
    """
    boot_id, _, at = book.meta(_NOTE).partition(" ")
    if not (machine.boot_id and at) or boot_id == machine.boot_id:
        return False
    return float(at) > machine.booted_at and abs(now - float(at)) < ALIVE_SECONDS


def note_at_work(book: AccountBook, machine: Machine) -> None:
    """From here on the book says that this machine writes into it: once a minute, in whatever is being written."""
    noted = float("-inf")

    def note() -> None:
        nonlocal noted
        if (now := book.now()) - noted >= BEAT_SECONDS:
            noted = now
            book.set_meta(_NOTE, f"{machine.boot_id} {now}")

    if machine.boot_id:
        book.begun = note
