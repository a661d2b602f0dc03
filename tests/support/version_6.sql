-- A ledger of version 6, as that version made it: rows with one take, with two, and with another one under way.

BEGIN TRANSACTION;
CREATE TABLE edge (old TEXT NOT NULL, new TEXT NOT NULL, PRIMARY KEY (old, new)) WITHOUT ROWID;
INSERT INTO "edge" VALUES('cancelled','pending');
INSERT INTO "edge" VALUES('failed','pending');
INSERT INTO "edge" VALUES('failed','submitted');
INSERT INTO "edge" VALUES('in_doubt','cancelled');
INSERT INTO "edge" VALUES('in_doubt','failed');
INSERT INTO "edge" VALUES('in_doubt','pending');
INSERT INTO "edge" VALUES('in_doubt','submitted');
INSERT INTO "edge" VALUES('pending','cancelled');
INSERT INTO "edge" VALUES('pending','failed');
INSERT INTO "edge" VALUES('pending','submitting');
INSERT INTO "edge" VALUES('submitted','cancelled');
INSERT INTO "edge" VALUES('submitted','failed');
INSERT INTO "edge" VALUES('submitted','pending');
INSERT INTO "edge" VALUES('submitted','submitted');
INSERT INTO "edge" VALUES('submitted','succeeded');
INSERT INTO "edge" VALUES('submitting','failed');
INSERT INTO "edge" VALUES('submitting','in_doubt');
INSERT INTO "edge" VALUES('submitting','pending');
INSERT INTO "edge" VALUES('submitting','submitted');
INSERT INTO "edge" VALUES('succeeded','pending');
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    row INTEGER NOT NULL REFERENCES row,
    at REAL NOT NULL,
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    detail TEXT
);
INSERT INTO "event" VALUES(1,1,10.0,'pending','submitting',NULL);
INSERT INTO "event" VALUES(2,1,11.0,'submitting','submitted',NULL);
INSERT INTO "event" VALUES(3,1,12.0,'submitted','succeeded',NULL);
INSERT INTO "event" VALUES(4,2,20.0,'pending','submitting',NULL);
INSERT INTO "event" VALUES(5,2,21.0,'submitting','submitted',NULL);
INSERT INTO "event" VALUES(6,2,22.0,'submitted','succeeded',NULL);
INSERT INTO "event" VALUES(7,2,30.0,'succeeded','pending','{"video":{"url":"https://v/b1.mp4"}}');
INSERT INTO "event" VALUES(8,2,40.0,'pending','submitting','b1');
INSERT INTO "event" VALUES(9,2,41.0,'submitting','submitted',NULL);
INSERT INTO "event" VALUES(10,2,42.0,'submitted','succeeded',NULL);
INSERT INTO "event" VALUES(11,3,50.0,'pending','submitting',NULL);
INSERT INTO "event" VALUES(12,3,51.0,'submitting','submitted',NULL);
INSERT INTO "event" VALUES(13,3,52.0,'submitted','succeeded',NULL);
INSERT INTO "event" VALUES(14,3,60.0,'succeeded','pending','{"video":{"url":"https://v/c1.mp4"}}');
INSERT INTO "event" VALUES(15,4,70.0,'pending','submitting',NULL);
INSERT INTO "event" VALUES(16,4,71.0,'submitting','submitted',NULL);
INSERT INTO "event" VALUES(17,4,72.0,'submitted','succeeded',NULL);
INSERT INTO "event" VALUES(18,4,80.0,'succeeded','pending','{"video":{"url":"https://v/d1.mp4"}}');
INSERT INTO "event" VALUES(19,4,81.0,'pending','submitting','d1');
INSERT INTO "event" VALUES(20,4,82.0,'submitting','submitted',NULL);
INSERT INTO "event" VALUES(21,4,83.0,'submitted','failed','bad: why');
INSERT INTO "event" VALUES(22,5,90.0,'pending','submitting',NULL);
INSERT INTO "event" VALUES(23,5,91.0,'submitting','submitted',NULL);
INSERT INTO "event" VALUES(24,5,92.0,'submitted','succeeded',NULL);
INSERT INTO "event" VALUES(25,5,100.0,'succeeded','pending','{"video":{"url":"https://v/e1.mp4"}}');
INSERT INTO "event" VALUES(26,5,110.0,'pending','submitting','e1');
INSERT INTO "event" VALUES(27,5,111.0,'submitting','submitted',NULL);
INSERT INTO "event" VALUES(28,5,112.0,'submitted','succeeded',NULL);
INSERT INTO "event" VALUES(29,5,120.0,'succeeded','pending','{"video":{"url":"https://v/e2.mp4"}}');
INSERT INTO "event" VALUES(30,5,121.0,'pending','submitting','e2');
INSERT INTO "event" VALUES(31,5,122.0,'submitting','in_doubt','reply_lost: cut');
INSERT INTO "event" VALUES(32,7,130.0,'pending','submitting',NULL);
INSERT INTO "event" VALUES(33,7,131.0,'submitting','failed','bad: why');
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('unasked','1');
CREATE TABLE money (spent INTEGER NOT NULL, under_way INTEGER NOT NULL);
INSERT INTO "money" VALUES(3430000,490000);
CREATE TABLE request (
    request_id TEXT PRIMARY KEY,
    row INTEGER NOT NULL REFERENCES row,
    route INTEGER NOT NULL REFERENCES route
) WITHOUT ROWID;
INSERT INTO "request" VALUES('a1',1,1);
INSERT INTO "request" VALUES('b1',2,1);
INSERT INTO "request" VALUES('b2',2,1);
INSERT INTO "request" VALUES('c1',3,1);
INSERT INTO "request" VALUES('d1',4,1);
INSERT INTO "request" VALUES('d2',4,1);
INSERT INTO "request" VALUES('e1',5,1);
INSERT INTO "request" VALUES('e2',5,1);
CREATE TABLE request_log (
    request_id TEXT PRIMARY KEY REFERENCES request,
    lines TEXT NOT NULL                   -- JSON, a text each
) WITHOUT ROWID;
CREATE TABLE route (
    id INTEGER PRIMARY KEY,
    status_url TEXT NOT NULL,
    response_url TEXT NOT NULL,
    cancel_url TEXT NOT NULL,
    UNIQUE (status_url, response_url, cancel_url)
);
INSERT INTO "route" VALUES(1,'https://q/{id}/status','https://q/{id}','https://q/{id}/cancel');
CREATE TABLE row (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    place INTEGER,                        -- where the manifest has it; NULL: nowhere, or not fit to be sent
    fingerprint BLOB NOT NULL,            -- of the endpoint and the inputs below
    arguments TEXT NOT NULL,              -- JSON, as the manifest gives them
    price INTEGER,                        -- of one request; NULL: not known
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
    CHECK (state <> 'submitted' OR (request_id IS NOT NULL AND submitted_at IS NOT NULL)),
    CHECK (state <> 'succeeded' OR (request_id IS NOT NULL AND result IS NOT NULL AND video_url IS NOT NULL)),
    CHECK (state NOT IN ('failed', 'in_doubt') OR kind IS NOT NULL),
    CHECK (state NOT IN ('succeeded', 'failed', 'cancelled') OR finished_at IS NOT NULL),
    CHECK (state <> 'submitting' OR intent_at IS NOT NULL),
    CHECK (tries >= 0 AND attempts >= tries AND spent >= 0)
);
INSERT INTO "row" VALUES(1,'id:a',0,X'00','{"prompt":"a"}',490000,'succeeded',12.0,1,1,490000,NULL,10.0,11.0,12.0,'a1','https://v/a1.mp4','{"video":{"url":"https://v/a1.mp4"}}',NULL,NULL,NULL);
INSERT INTO "row" VALUES(2,'id:b',1,X'01','{"prompt":"b"}',490000,'succeeded',42.0,2,1,980000,NULL,40.0,41.0,42.0,'b2','https://v/b2.mp4','{"video":{"url":"https://v/b2.mp4"}}',NULL,NULL,NULL);
INSERT INTO "row" VALUES(3,'id:c',2,X'02','{"prompt":"c"}',490000,'pending',60.0,1,0,490000,NULL,50.0,51.0,NULL,'c1',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "row" VALUES(4,'id:d',3,X'03','{"prompt":"d"}',490000,'failed',83.0,2,1,490000,NULL,81.0,82.0,83.0,'d2',NULL,NULL,'bad','why',NULL);
INSERT INTO "row" VALUES(5,'id:e',4,X'04','{"prompt":"e"}',490000,'in_doubt',122.0,3,1,980000,NULL,121.0,111.0,NULL,NULL,NULL,NULL,'reply_lost','cut',NULL);
INSERT INTO "row" VALUES(6,'id:f',5,X'05','{"prompt":"f"}',490000,'pending',0.0,0,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "row" VALUES(7,'id:g',6,X'06','{"prompt":"g"}',490000,'failed',131.0,1,1,0,NULL,130.0,NULL,131.0,NULL,NULL,NULL,'bad','why',NULL);
CREATE TABLE sheet (
    place INTEGER PRIMARY KEY,            -- 0 is the first record
    number INTEGER NOT NULL,              -- as the spreadsheet numbers it
    row INTEGER REFERENCES row,
    edited INTEGER NOT NULL,              -- its inputs are not those that the row was sent with
    problem TEXT
);
INSERT INTO "sheet" VALUES(0,2,1,0,NULL);
INSERT INTO "sheet" VALUES(1,3,2,0,NULL);
INSERT INTO "sheet" VALUES(2,4,3,0,NULL);
INSERT INTO "sheet" VALUES(3,5,4,0,NULL);
INSERT INTO "sheet" VALUES(4,6,5,0,NULL);
INSERT INTO "sheet" VALUES(5,7,6,0,NULL);
INSERT INTO "sheet" VALUES(6,8,7,0,NULL);
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
INSERT INTO "video_file" VALUES('b1',2,'shots.videos/b.mp4','shots.videos/b.mp4',NULL,7,'00',45.0,NULL);
INSERT INTO "video_file" VALUES('b2',2,'shots.videos/b_take2.mp4','shots.videos/b_take2.mp4',NULL,7,'00',45.0,NULL);
CREATE INDEX row_claimable ON row (place, price, state) WHERE state = 'pending' AND place IS NOT NULL;
CREATE INDEX row_state ON row (state);
CREATE INDEX row_fingerprint ON row (fingerprint);
CREATE INDEX event_sent ON event (row) WHERE new = 'submitting';
CREATE INDEX event_unheard ON event (row) WHERE old = 'submitted' AND new = 'submitted';
CREATE INDEX sheet_row ON sheet (row);
CREATE INDEX sheet_odd ON sheet (place) WHERE row IS NULL OR edited OR problem IS NOT NULL;
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
COMMIT;
PRAGMA application_id = 0x6B6C6E67;
PRAGMA user_version = 6;
