"""Counts, as SQL, how many more takes rows are to have: as the table says, and as a redo says."""

MADE = "(SELECT COUNT(*) FROM take WHERE take.row = row.id)"
"""How many takes a `row` has."""

MADE_OF_INPUTS = "(SELECT COUNT(*) FROM take WHERE take.row = row.id AND take.fingerprint = row.fingerprint)"
"""Of these, those that were made of the inputs that it has now."""

MISSING = f"MAX(takes_wanted - {MADE_OF_INPUTS}, takes_asked - {MADE})"
"""How many more a `row` is to have; 0 or less: it has all of them."""

SEVERAL = "(takes_wanted > 1 OR takes_asked > 0)"
"""Of the few rows for which `MISSING` may be more than one: word for word the condition of their index."""

TO_BUY = f"IIF({SEVERAL}, MAX(1, {MISSING}), 1)"
"""How many requests a pending `row` comes to, if none of them breaks."""
