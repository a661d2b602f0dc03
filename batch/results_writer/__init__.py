"""The results writer: the ledger shown in the table, now and then and at the end."""
