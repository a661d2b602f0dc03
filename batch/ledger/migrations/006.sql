-- From version 5 of the ledger to version 6: what the runners of failed requests have written last.
CREATE TABLE request_log (
    request_id TEXT PRIMARY KEY REFERENCES request,
    lines TEXT NOT NULL                   -- JSON, a text each
) WITHOUT ROWID;
