"""Pure records that the parts hand over: rows, states, options, money; seams to fal and ledger."""
