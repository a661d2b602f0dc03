"""What can end a command, and with which exit code.

    BatchError                    the whole command ends; `str()` is the one line the user reads
    ├── UsageError            2   an option or argument that cannot be meant
    ├── ManifestError         2   the table cannot be used
    ├── LedgerError           2   the ledger cannot be used (damaged, or of a newer version)
    ├── LedgerLost            3   the ledger could not be written any more in the middle of a run
    ├── MissingExtra          2   an optional part is not installed
    ├── MissingKey            2   no fal key where one is needed
    └── LedgerBusy           75   another run holds the ledger

A row that fails is data, never one of these.
"""

from enum import IntEnum


class Exit(IntEnum):
    """The documented exit codes; the most urgent one wins (see `batch.reports.outcome`)."""

    DONE = 0
    ROWS_FAILED = 1
    UNUSABLE = 2
    STOPPED_EARLY = 3
    IN_DOUBT = 4
    BUSY = 75
    INTERRUPTED = 130


class BatchError(Exception):
    """Ends the command; the message says what is wrong, where, and what to do."""

    exit_code: Exit = Exit.UNUSABLE


class UsageError(BatchError):
    """An option or argument that cannot be meant."""


class ManifestError(BatchError):
    """The table cannot be used: missing, unreadable, of no known form, or it holds foreign result columns."""


class LedgerError(BatchError):
    """The ledger cannot be used: damaged, or written by a newer version."""


class LedgerLost(BatchError):
    """The ledger could not be written any more: the run stopped, and what it had submitted is picked up by the next."""

    exit_code = Exit.STOPPED_EARLY


class MissingExtra(BatchError):
    """An optional part is not installed; the message says what to install."""


class MissingKey(BatchError):
    """No fal key in the environment and no login of fal's own."""


class LedgerBusy(BatchError):
    """Another process holds the ledger."""

    exit_code = Exit.BUSY
