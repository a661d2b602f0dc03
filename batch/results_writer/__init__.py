"""The results writer: the ledger shown in the table."""
