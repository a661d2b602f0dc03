"""All that is SQL: the ledger and its file; matching, enrolment, selection, summary, result rows."""
