-- The ledger: every row that was ever enrolled, where it stands, and how it came there.
-- Times are seconds since 1970 (UTC); money is in millionths of a dollar.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- The edges that batch/core/states.py draws; filled from there when the ledger is made.
CREATE TABLE edge (old TEXT NOT NULL, new TEXT NOT NULL, PRIMARY KEY (old, new)) WITHOUT ROWID;

-- The endpoints that rows are for; '' until somebody says which the rows of an older ledger are for.
CREATE TABLE endpoint (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO endpoint VALUES (1, '');

CREATE TABLE row (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    place INTEGER,                        -- where the manifest has it; NULL: nowhere, or not fit to be sent
    fingerprint BLOB NOT NULL,            -- of the endpoint and the inputs below
    arguments TEXT NOT NULL,              -- JSON, as the manifest gives them
    price INTEGER,                        -- of one request; NULL: not known
    endpoint_id INTEGER NOT NULL DEFAULT 1, -- that the arguments are for
    state TEXT NOT NULL DEFAULT 'pending',
    changed_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,  -- POSTs that left, or may have
    tries INTEGER NOT NULL DEFAULT 0,     -- of these, since the row was last asked for
    spent INTEGER NOT NULL DEFAULT 0,     -- by requests that have ended
    sent TEXT,                            -- JSON of the last POST, where it differs from the arguments
    intent_at REAL,
    submitted_at REAL,
    finished_at REAL,
    request_id TEXT,
    video_url TEXT,
    result TEXT,                          -- JSON, whole
    kind TEXT,                            -- of failure or doubt
    message TEXT,
    start_timeout REAL,                   -- of the last POST: seconds after which fal gives it up unstarted; NULL: not known
    takes_wanted INTEGER NOT NULL DEFAULT 1,  -- of the inputs above, as the table or an option says
    takes_asked INTEGER NOT NULL DEFAULT 0,   -- in all, as a redo says
    chosen_take INTEGER,                  -- which one is shown, by its number; NULL: the newest
    CHECK (state <> 'submitted' OR (request_id IS NOT NULL AND submitted_at IS NOT NULL)),
    CHECK (state <> 'succeeded' OR (request_id IS NOT NULL AND result IS NOT NULL AND video_url IS NOT NULL)),
    CHECK (state NOT IN ('failed', 'in_doubt') OR kind IS NOT NULL),
    CHECK (state NOT IN ('succeeded', 'failed', 'cancelled') OR finished_at IS NOT NULL),
    CHECK (state <> 'submitting' OR intent_at IS NOT NULL),
    CHECK (tries >= 0 AND attempts >= tries AND spent >= 0)
);
CREATE INDEX row_claimable ON row (place, price, state) WHERE state = 'pending' AND place IS NOT NULL;
CREATE INDEX row_state ON row (state);
CREATE INDEX row_fingerprint ON row (fingerprint);
CREATE INDEX row_several ON row (place) WHERE takes_wanted > 1 OR takes_asked > 0;  -- few of a million

-- Every id that fal ever gave us: never updated, never deleted, never given to a second row.
CREATE TABLE request (
    request_id TEXT PRIMARY KEY,
    row INTEGER NOT NULL REFERENCES row,
    route INTEGER NOT NULL REFERENCES route
) WITHOUT ROWID;

-- fal's three URLs of a request, with `{id}` where its id stands: a million requests share one.
CREATE TABLE route (
    id INTEGER PRIMARY KEY,
    status_url TEXT NOT NULL,
    response_url TEXT NOT NULL,
    cancel_url TEXT NOT NULL,
    UNIQUE (status_url, response_url, cancel_url)
);

-- The log. Only the triggers below write it, so no code path can forget it. From succeeded to succeeded: its video
-- has come down to a file.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    row INTEGER NOT NULL REFERENCES row,
    at REAL NOT NULL,
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    detail TEXT
);
CREATE INDEX event_sent ON event (row) WHERE new = 'submitting';
CREATE INDEX event_unheard ON event (row) WHERE old = 'submitted' AND new = 'submitted';

-- Every video that was made, one for each request that made one: what a row shows may be any of its own. Written by the
-- trigger below, never updated, never deleted.
CREATE TABLE take (
    row INTEGER NOT NULL REFERENCES row,
    number INTEGER NOT NULL,              -- 1 is the first of its row
    request_id TEXT NOT NULL UNIQUE REFERENCES request,
    video_url TEXT NOT NULL,
    result TEXT NOT NULL,                 -- JSON, whole
    cost INTEGER,                         -- NULL: not known, from before there was this table
    fingerprint BLOB,                     -- of the inputs that it was made of; NULL: not known, likewise
    submitted_at REAL,
    finished_at REAL NOT NULL,
    PRIMARY KEY (row, number)
) WITHOUT ROWID;

-- What all rows together have spent, and the price of what may be paid for without a result yet. One record, kept by
-- the trigger below: a budget is decided at every submit, and must not read a million rows for it.
CREATE TABLE money (spent INTEGER NOT NULL, under_way INTEGER NOT NULL);
INSERT INTO money VALUES (0, 0);

-- The manifest as it was last read: which row stands at which place, and what is wrong with it.
CREATE TABLE sheet (
    place INTEGER PRIMARY KEY,            -- 0 is the first record
    number INTEGER NOT NULL,              -- as the spreadsheet numbers it
    row INTEGER REFERENCES row,
    edited INTEGER NOT NULL,              -- its inputs are not those that the row was sent with
    problem TEXT
);
CREATE INDEX sheet_row ON sheet (row);
CREATE INDEX sheet_odd ON sheet (place) WHERE row IS NULL OR edited OR problem IS NOT NULL;  -- few of a million

-- The files that videos were brought down to, one for each request that made one.
CREATE TABLE video_file (
    request_id TEXT PRIMARY KEY REFERENCES request,
    row INTEGER NOT NULL REFERENCES row,
    path TEXT NOT NULL,                   -- from the table's folder, with /; kept for this video for good
    name_key TEXT NOT NULL UNIQUE,        -- equal for paths that some file system takes for one
    validator TEXT,                       -- the ETag of what is in the .part file
    size INTEGER,
    sha256 TEXT,
    done_at REAL,                         -- NULL: it has not come down yet
    error TEXT                            -- why not
) WITHOUT ROWID;

-- What the runners of failed requests have written last, where it was asked for.
CREATE TABLE request_log (
    request_id TEXT PRIMARY KEY REFERENCES request,
    lines TEXT NOT NULL                   -- JSON, a text each
) WITHOUT ROWID;

CREATE TRIGGER state_has_edge BEFORE UPDATE OF state ON row
WHEN NOT EXISTS (SELECT 1 FROM edge WHERE old = OLD.state AND new = NEW.state)
BEGIN
    SELECT RAISE(ABORT, 'no such edge between states');
END;

CREATE TRIGGER state_starts_pending BEFORE INSERT ON row WHEN NEW.state <> 'pending'
BEGIN
    SELECT RAISE(ABORT, 'a row starts as pending');
END;

CREATE TRIGGER row_is_kept BEFORE DELETE ON row
BEGIN
    SELECT RAISE(ABORT, 'a row is never deleted');
END;

CREATE TRIGGER request_is_kept BEFORE DELETE ON request
BEGIN
    SELECT RAISE(ABORT, 'a request is never deleted');
END;

CREATE TRIGGER request_is_final BEFORE UPDATE ON request
BEGIN
    SELECT RAISE(ABORT, 'a request never changes');
END;

CREATE TRIGGER state_is_logged AFTER UPDATE OF state ON row
BEGIN
    INSERT INTO event (row, at, old, new, detail) VALUES (
        NEW.id, NEW.changed_at, OLD.state, NEW.state,
        CASE
            WHEN NEW.state = 'submitting' THEN OLD.request_id  -- the row has the last one, the log those before
            WHEN OLD.state = 'succeeded' THEN OLD.result  -- a video that is bought again stays on record
            WHEN NEW.state IN ('failed', 'in_doubt') THEN NEW.kind || ': ' || COALESCE(NEW.message, '')
            ELSE NEW.message
        END
    );
END;

-- A choice among the takes of a row holds until there is a new one. A request that has made a take already is it again.
CREATE TRIGGER take_is_written AFTER UPDATE OF state ON row WHEN NEW.state = 'succeeded' AND OLD.state <> 'succeeded'
BEGIN
    UPDATE row SET chosen_take = (SELECT number FROM take WHERE row = NEW.id AND request_id = NEW.request_id)
    WHERE id = NEW.id;
    INSERT INTO take SELECT
        NEW.id, 1 + (SELECT COUNT(*) FROM take WHERE row = NEW.id), NEW.request_id, NEW.video_url, NEW.result,
        NEW.spent - OLD.spent, NEW.fingerprint, NEW.submitted_at, NEW.finished_at
    WHERE NOT EXISTS (SELECT 1 FROM take WHERE request_id = NEW.request_id);
END;

CREATE TRIGGER take_is_kept BEFORE DELETE ON take
BEGIN
    SELECT RAISE(ABORT, 'a take is never deleted');
END;

CREATE TRIGGER take_is_final BEFORE UPDATE ON take
BEGIN
    SELECT RAISE(ABORT, 'a take never changes');
END;

CREATE TRIGGER money_is_counted AFTER UPDATE OF state, spent, price ON row
WHEN NEW.spent <> OLD.spent OR NEW.state <> OLD.state OR NEW.price IS NOT OLD.price
BEGIN
    UPDATE money SET
        spent = spent + NEW.spent - OLD.spent,
        under_way = under_way
            + CASE WHEN NEW.state IN ('submitting', 'submitted', 'in_doubt') THEN COALESCE(NEW.price, 0) ELSE 0 END
            - CASE WHEN OLD.state IN ('submitting', 'submitted', 'in_doubt') THEN COALESCE(OLD.price, 0) ELSE 0 END;
END;

CREATE TRIGGER video_is_logged AFTER UPDATE OF done_at ON video_file
WHEN NEW.done_at IS NOT NULL AND EXISTS (SELECT 1 FROM row WHERE id = NEW.row AND state = 'succeeded')
BEGIN
    INSERT INTO event (row, at, old, new, detail) VALUES (NEW.row, NEW.done_at, 'succeeded', 'succeeded', NEW.path);
END;
