"""`take`: refused where nothing can be chosen; what it does is tested with `redo`."""

from pathlib import Path

import pytest

from batch.commands.choose_take import TakeChoice, choose
from batch.core.row import RowSelection
from batch.core.run_options import RunOptions
from batch.errors import LedgerError, UsageError
from tests.support.runs import a_service, run_through
from tests.support.sheets import SHOTS, batch


def test_a_table_that_was_never_run_has_no_takes(tmp_path: Path) -> None:
    """It has no ledger, and gets none."""
    given = batch(tmp_path, SHOTS)
    with pytest.raises(LedgerError, match="has no ledger yet: nothing was run"):
        choose(given, TakeChoice(named=RowSelection(numbers=[2]), use=1))
    assert not given.ledger.exists()


def test_a_row_without_a_video_has_no_take_to_choose(tmp_path: Path) -> None:
    """Nothing is changed, also not for the rows beside it."""
    given, service = batch(tmp_path, SHOTS), a_service()
    run_through(given, service, RunOptions(concurrency=4, limit=1))
    before = given.manifest.path.read_bytes()
    with pytest.raises(UsageError, match="row 3 has no video yet"):
        choose(given, TakeChoice(named=RowSelection(numbers=[2, 3]), use=1))
    assert given.manifest.path.read_bytes() == before
