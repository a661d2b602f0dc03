-- From version 3 of the book to version 4: pictures that were uploaded, by their content.
CREATE TABLE upload (
    digest TEXT PRIMARY KEY,              -- sha256 of the file, and as what it went up where it is no picture
    url TEXT,                             -- NULL: a run is at it
    claimed_at REAL NOT NULL,
    proven_at REAL,
    expires_at REAL                       -- NULL: never
) WITHOUT ROWID;
