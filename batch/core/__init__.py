"""What the parts hand to each other: rows, states, and the seams to service and ledger; pure."""
