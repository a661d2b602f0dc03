"""The seam to the ledger: what a run asks of it is what the ledger offers."""

import pytest

from batch.core.store import RowStore
from batch.ledger.async_ledger import AsyncLedger
from tests.support.protocols import methods, signature


@pytest.mark.parametrize("name", methods(RowStore))
def test_the_ledger_has_every_method_of_the_store_as_it_is_asked_for(name: str) -> None:
    """Same parameters in the same order, same types, awaited alike."""
    assert signature(getattr(AsyncLedger, name)) == signature(methods(RowStore)[name])


def test_a_run_can_do_nothing_but_read_rows_claim_and_move_them() -> None:
    """A new question to the ledger has to be listed here: the rest of it is none of the dispatcher's business."""
    writes = {"apply", "claim"}
    reads = {
        "pending_rows",
        "pending_row",
        "stopped_for",
        "keep_stopped_for",
        "submitted_rows",
        "in_doubt_rows",
        "known_requests",
    }
    reads |= {"requests_since_doubt", "asked_by_others"}
    assert set(methods(RowStore)) == writes | reads
