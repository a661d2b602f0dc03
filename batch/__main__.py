"""`python -m batch` is the command line."""

from batch.cli.main import main

main(prog_name="kling-batch")
