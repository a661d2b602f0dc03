"""`python -m batch` is the command line."""

from batch.cli.entry import start

start()
