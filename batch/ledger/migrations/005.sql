-- From version 4 of the ledger to version 5: the files that videos were brought down to.

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

CREATE TRIGGER video_is_logged AFTER UPDATE OF done_at ON video_file
WHEN NEW.done_at IS NOT NULL AND EXISTS (SELECT 1 FROM row WHERE id = NEW.row AND state = 'succeeded')
BEGIN
    INSERT INTO event (row, at, old, new, detail) VALUES (NEW.row, NEW.done_at, 'succeeded', 'succeeded', NEW.path);
END;
