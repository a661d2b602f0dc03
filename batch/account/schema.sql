-- The book of one account on this host: every purchase by every table, whose it is, and what it may have cost.
-- Times are seconds since 1970 (UTC); money is in millionths of a dollar. No prompt and no key stands in it.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE ledger (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,              -- random, kept in the ledger
    table_path TEXT NOT NULL,
    ledger_path TEXT NOT NULL,
    table_file TEXT NOT NULL,             -- device, inode and time of the table
    token TEXT NOT NULL,                  -- of its last run; the ledger keeps it too
    previous TEXT NOT NULL,               -- of the run before
    generation INTEGER NOT NULL,          -- how many runs there were
    used INTEGER NOT NULL DEFAULT 0       -- whether anything was bought under the token
);

CREATE TABLE purchase (
    seq INTEGER PRIMARY KEY,
    ledger INTEGER NOT NULL REFERENCES ledger,
    row INTEGER NOT NULL,                 -- of that ledger; negative: of none, only the book knows it
    fingerprint BLOB NOT NULL,            -- of the row: finds what was bought before
    sent BLOB NOT NULL,                   -- of the whole arguments that left: finds requests in fal's history
    price INTEGER,                        -- NULL: not known
    intent_at REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'open',
    request_id TEXT,
    cost INTEGER NOT NULL DEFAULT 0,      -- once it is closed
    video INTEGER NOT NULL DEFAULT 0,
    aside INTEGER NOT NULL DEFAULT 0,     -- a person has said to buy again in its place
    endpoint BLOB NOT NULL DEFAULT x'',   -- its hash; empty: not known
    order_of INTEGER,                     -- seq is the order of intents among those of this ledger; NULL: among all
    CHECK (state IN ('open', 'accepted', 'ended', 'absent', 'not_sent', 'given_up')),
    CHECK (state NOT IN ('accepted', 'ended') OR request_id IS NOT NULL)
);
CREATE UNIQUE INDEX purchase_request ON purchase (request_id) WHERE request_id IS NOT NULL;
CREATE UNIQUE INDEX purchase_row ON purchase (ledger, row) WHERE state IN ('open', 'accepted');
CREATE INDEX purchase_fingerprint ON purchase (fingerprint);
CREATE INDEX purchase_open ON purchase (sent) WHERE state = 'open';

-- What may have been spent by what was bought in each quarter of an hour: a cap is a short sum.
CREATE TABLE spend (quarter INTEGER PRIMARY KEY, committed INTEGER NOT NULL);

-- What runs learnt of the account's slots, for the next one to begin with. Neither this nor the next table decides
-- about money: they may be lost.
CREATE TABLE learnt (
    endpoint BLOB PRIMARY KEY,            -- its hash
    running INTEGER NOT NULL,             -- how many requests fal ran at once while another one waited
    wait_seconds REAL,                    -- how long a request waited in line, mostly; NULL: not known
    at REAL NOT NULL                      -- when that was so last
) WITHOUT ROWID;

-- The runs at work, each with its requests at fal: whoever sees others leaves them room.
CREATE TABLE run (
    ledger INTEGER PRIMARY KEY REFERENCES ledger,
    in_air INTEGER NOT NULL,              -- requests at fal that have not ended
    waiting INTEGER NOT NULL,             -- of these, those in line before the slots
    hungry INTEGER NOT NULL,              -- whether rows wait for room
    at REAL NOT NULL
);

-- Pictures that were uploaded, by their content: each once for all tables, until it expires.
CREATE TABLE upload (
    digest TEXT PRIMARY KEY,              -- sha256 of the file, and as what it went up where it is no picture
    url TEXT,                             -- NULL: a run is at it
    claimed_at REAL NOT NULL,
    proven_at REAL,
    expires_at REAL                       -- NULL: never
) WITHOUT ROWID;

CREATE TRIGGER purchase_is_kept BEFORE DELETE ON purchase
BEGIN
    SELECT RAISE(ABORT, 'a purchase is never forgotten');
END;

CREATE TRIGGER request_is_final BEFORE UPDATE OF request_id ON purchase
WHEN OLD.request_id IS NOT NULL AND NEW.request_id IS NOT OLD.request_id
BEGIN
    SELECT RAISE(ABORT, 'a request never changes');
END;

CREATE TRIGGER purchase_starts_committed AFTER INSERT ON purchase
BEGIN
    INSERT INTO spend VALUES (
        CAST(NEW.intent_at / 900 AS INTEGER), IIF(NEW.state IN ('open', 'accepted'), COALESCE(NEW.price, 0), NEW.cost)
    ) ON CONFLICT DO UPDATE SET committed = committed + excluded.committed;
END;

CREATE TRIGGER spend_follows AFTER UPDATE OF state, cost ON purchase
BEGIN
    UPDATE spend SET committed = committed
        + IIF(NEW.state IN ('open', 'accepted'), COALESCE(NEW.price, 0), NEW.cost)
        - IIF(OLD.state IN ('open', 'accepted'), COALESCE(OLD.price, 0), OLD.cost)
    WHERE quarter = CAST(NEW.intent_at / 900 AS INTEGER);
END;
