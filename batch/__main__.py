"""`python -m batch`."""

from batch.cli.main import main

main(prog_name="kling-batch")
