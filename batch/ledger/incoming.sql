-- The manifest as it is being read, one record a row; temporary, so that a reader may fill it too.

PRAGMA main.cache_size = -65536;  -- 64 MB: the indexes of a million rows, which are probed in no order
PRAGMA temp.cache_size = -65536;

CREATE TEMP TABLE IF NOT EXISTS incoming (
    place INTEGER PRIMARY KEY,   -- 0 is the first record
    number INTEGER NOT NULL,     -- as the spreadsheet numbers it
    id TEXT NOT NULL,
    request_id TEXT NOT NULL,    -- this and the next three: what our own columns say already
    video_url TEXT NOT NULL,
    status TEXT NOT NULL,
    other TEXT,                  -- the first of our other columns that holds something here
    fingerprint BLOB,
    endpoint TEXT NOT NULL,      -- that the arguments are for; '': not said
    arguments TEXT,
    price INTEGER,
    takes INTEGER,               -- that are wanted of these inputs; NULL: the table does not say
    problem TEXT                 -- NULL: fit to be sent
);
DELETE FROM temp.incoming;
