-- From version 2 of the book to version 3: what runs learn of the account's slots, and which of them are at work.
-- None of it decides about money: it may be lost.

CREATE TABLE learnt (
    endpoint BLOB PRIMARY KEY,
    running INTEGER NOT NULL,
    wait_seconds REAL,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE run (
    ledger INTEGER PRIMARY KEY REFERENCES ledger,
    in_air INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    hungry INTEGER NOT NULL,
    at REAL NOT NULL
);
