"""`python -m batch`."""

from batch.cli import main

main(prog_name="kling-batch")
