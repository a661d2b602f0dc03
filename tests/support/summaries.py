"""Where a batch stands, for tests that tell of it."""

from batch.ledger.summary import LedgerSummary

NOTHING = LedgerSummary(
    rows={},
    failures=[],
    spent=0,
    under_way=0,
    orphans=0,
    in_doubt=0,
    at_fal=0,
    to_run=0,
    to_run_price=0,
    unpriced=0,
)
