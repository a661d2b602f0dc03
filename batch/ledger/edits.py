"""Finds waiting rows that the manifest has otherwise by now, or no more."""

from batch.ledger.ledger import Ledger

_OTHERWISE = """
SELECT row.id FROM main.row WHERE state IN ('pending', 'failed', 'cancelled') AND NOT EXISTS (
    SELECT 1 FROM temp.matched m JOIN temp.incoming i ON i.place = m.place
    WHERE m.row = row.id AND i.problem IS NULL AND i.arguments = row.arguments AND i.fingerprint = row.fingerprint
)
"""

_STALE = """
SELECT row.id, i.arguments, i.endpoint FROM main.sheet JOIN main.row ON row.id = sheet.row
LEFT JOIN temp.matched m ON m.row = row.id LEFT JOIN temp.incoming i ON i.place = m.place AND i.problem IS NULL
WHERE sheet.edited AND row.state = 'succeeded'
"""


def edited_rows(ledger: Ledger) -> set[int]:
    """Rows to submit whose record is gone, cannot be sent, or asks for something else. After `match`."""
    return {row for (row,) in ledger.db.execute(_OTHERWISE)}


def stale_inputs(ledger: Ledger) -> dict[int, tuple[str | None, str | None]]:
    """What the manifest asks for in place of each stale row: arguments as JSON, and their endpoint. After `match`.

    None: its record is gone.
    """
    return {row: (arguments, endpoint) for row, arguments, endpoint in ledger.db.execute(_STALE)}
