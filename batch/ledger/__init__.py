"""The ledger: everything that is SQL, and the one place where a row's state is written."""
