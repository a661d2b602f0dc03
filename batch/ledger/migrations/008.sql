-- From version 7 of the ledger to version 8: each row says to which endpoint it goes.
-- Until now all rows under way were for one: a note says which, where it is not the one that ledgers were for at first.
CREATE TABLE endpoint (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO endpoint VALUES (1, COALESCE((SELECT value FROM meta WHERE name = 'endpoint'), ''));
ALTER TABLE row ADD COLUMN endpoint_id INTEGER NOT NULL DEFAULT 1;
