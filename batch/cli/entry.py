"""Starts the command line: from the first moment to the last, a signal ends it with 130."""

import os
import sys
from contextlib import suppress
from typing import NoReturn

from batch.cli.streams import keep_streams
from batch.commands import signals


def start() -> NoReturn:
    """Never returns, and leaves no moment in which the interpreter winds down and a signal would kill it otherwise."""
    signals.arm()
    keep_streams()
    from batch.cli.main import main  # after it: loading takes a while

    try:
        main(prog_name="kling-batch")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # whoever read it has gone
            stream.flush()
    os._exit(code)
