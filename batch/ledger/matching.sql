-- Which record of the manifest is which row of the ledger.
-- Reads the ledger, writes temporary tables only.
-- What was sent already comes before what is named: a paid row is looked for by its inputs in the whole sheet
-- before an id or an old request id may claim it for a record with other inputs.
-- The parts between blank lines are run one by one, and those after the first only while a record has no row.
CREATE TEMP TABLE IF NOT EXISTS matched (
    place INTEGER PRIMARY KEY, named INTEGER NOT NULL, key TEXT, fingerprint BLOB, request_id TEXT NOT NULL,
    row INTEGER UNIQUE
);
CREATE TEMP TABLE IF NOT EXISTS doubled (  -- ids that stand in more than one record
    id TEXT PRIMARY KEY, first INTEGER, last INTEGER, records INTEGER
) WITHOUT ROWID;
CREATE TEMP TABLE IF NOT EXISTS free (  -- rows without a record, the n-th of their inputs
    fingerprint BLOB, n INTEGER, row INTEGER, PRIMARY KEY (fingerprint, n)
) WITHOUT ROWID;
CREATE TEMP VIEW IF NOT EXISTS paid AS
SELECT * FROM main.row WHERE state IN ('submitting', 'submitted', 'in_doubt', 'succeeded');
CREATE TEMP VIEW IF NOT EXISTS lone AS SELECT * FROM matched WHERE row IS NULL;
CREATE TEMP VIEW IF NOT EXISTS lone_nth AS
SELECT place, fingerprint, ROW_NUMBER() OVER (PARTITION BY fingerprint ORDER BY place) AS n
FROM lone WHERE fingerprint IS NOT NULL;
DELETE FROM matched;
DELETE FROM doubled;
INSERT INTO doubled
SELECT id, MIN(number), MAX(number), COUNT(*) FROM incoming WHERE id <> '' GROUP BY id HAVING COUNT(*) > 1;
-- A filled, unique id is the key. With the same inputs nothing has changed: it is that row.
INSERT INTO matched (place, named, key, fingerprint, request_id, row)
SELECT given.place, 1, 'id:' || given.id, given.fingerprint, given.request_id, row.id
FROM incoming AS given LEFT JOIN main.row ON row.key = 'id:' || given.id AND row.fingerprint = given.fingerprint
WHERE given.id <> '' AND given.id NOT IN (SELECT id FROM doubled) ORDER BY given.place;
-- Otherwise the inputs are it (12 bytes of their hash will do), and how many identical records stand above.
INSERT INTO matched (place, named, key, fingerprint, request_id)
SELECT place, 0, CASE WHEN fingerprint IS NOT NULL THEN
    lower(hex(substr(fingerprint, 1, 12))) || ':' || ROW_NUMBER() OVER (PARTITION BY fingerprint ORDER BY place)
END, fingerprint, request_id
FROM incoming WHERE id = '' OR id IN (SELECT id FROM doubled) ORDER BY place;

-- The same inputs, and the request id that we wrote beside them: a sorted sheet keeps each video beside its record.
UPDATE matched SET row = known.id
FROM (
    SELECT paid.id, MIN(lone.place) AS place
    FROM lone JOIN request ON request.request_id = lone.request_id
    JOIN paid ON paid.id = request.row AND paid.fingerprint = lone.fingerprint
    WHERE lone.request_id <> '' AND NOT EXISTS (SELECT 1 FROM matched WHERE matched.row = paid.id)
    GROUP BY paid.id
) AS known
WHERE known.place = matched.place;

-- The same inputs at the same place, where nothing was written beside them yet.
UPDATE matched SET row = paid.id
FROM sheet JOIN paid ON paid.id = sheet.row
WHERE matched.row IS NULL AND sheet.place = matched.place AND paid.fingerprint = matched.fingerprint
  AND NOT EXISTS (SELECT 1 FROM matched AS other WHERE other.row = paid.id);

-- The same inputs anywhere: an id that was added, changed or taken away buys nothing.
DELETE FROM free;
INSERT INTO free
SELECT fingerprint, ROW_NUMBER() OVER (PARTITION BY fingerprint ORDER BY place IS NULL, place, id), id
FROM paid WHERE fingerprint IN (SELECT fingerprint FROM lone)
  AND NOT EXISTS (SELECT 1 FROM matched WHERE matched.row = paid.id);
UPDATE matched SET row = free.row
FROM lone_nth AS lone CROSS JOIN free ON free.fingerprint = lone.fingerprint AND free.n = lone.n
WHERE lone.place = matched.place;

-- From here on the inputs were edited, or nothing was paid. An id says which row it is,
UPDATE matched SET row = row.id
FROM row
WHERE matched.row IS NULL AND matched.named AND row.key = matched.key
  AND NOT EXISTS (SELECT 1 FROM matched AS other WHERE other.row = row.id);

-- and so does the request id that we wrote beside an edited record: it is the row that was paid for, or that waits to
-- be bought again, not a new one.
UPDATE matched SET row = known.id
FROM (
    SELECT row.id, MIN(lone.place) AS place
    FROM lone JOIN request ON request.request_id = lone.request_id JOIN row ON row.id = request.row
    WHERE lone.request_id <> '' AND NOT EXISTS (SELECT 1 FROM matched WHERE matched.row = row.id)
      AND (row.id IN (SELECT id FROM paid) OR row.state = 'pending' OR row.fingerprint = lone.fingerprint)
    GROUP BY row.id
) AS known
WHERE known.place = matched.place;

-- What an earlier reading called it,
UPDATE matched SET row = row.id
FROM row
WHERE matched.row IS NULL AND row.key = matched.key
  AND NOT EXISTS (SELECT 1 FROM matched AS other WHERE other.row = row.id);

-- and what is left, by its inputs: a row that a record had before one that was deleted, so that sorting changes
-- nothing; then a failed row before one that would be bought.
DELETE FROM free;
INSERT INTO free
SELECT fingerprint, ROW_NUMBER() OVER (PARTITION BY fingerprint ORDER BY place IS NULL, state = 'pending', id), id
FROM row WHERE fingerprint IN (SELECT fingerprint FROM lone)
  AND NOT EXISTS (SELECT 1 FROM matched WHERE matched.row = row.id);
UPDATE matched SET row = free.row
FROM lone_nth AS lone CROSS JOIN free ON free.fingerprint = lone.fingerprint AND free.n = lone.n
WHERE lone.place = matched.place;
