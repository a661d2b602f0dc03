-- From version 6 of the ledger to version 7: every take of a row is kept, and one of them is shown.
-- Those that were made before are read from the rows, and from what the log has kept of videos that were bought again.

ALTER TABLE row ADD COLUMN takes_wanted INTEGER NOT NULL DEFAULT 1;
ALTER TABLE row ADD COLUMN takes_asked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE row ADD COLUMN chosen_take INTEGER;
CREATE INDEX row_several ON row (place) WHERE takes_wanted > 1 OR takes_asked > 0;  -- few of a million

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
INSERT INTO main.take SELECT * FROM temp.past_take;

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
