-- Which record of the manifest is which row of the ledger. Reads the ledger, writes temporary tables only.

CREATE TEMP TABLE IF NOT EXISTS matched (place INTEGER PRIMARY KEY, key TEXT, row INTEGER UNIQUE);
DELETE FROM matched;

-- A filled, unique id is the key; otherwise the inputs, and how many identical records stand above.
INSERT INTO matched (place, key)
SELECT place, CASE
    WHEN named THEN 'id:' || id
    WHEN fingerprint IS NOT NULL THEN
        lower(hex(fingerprint)) || ':' || ROW_NUMBER() OVER (PARTITION BY named, fingerprint ORDER BY place)
END
FROM (SELECT place, id, fingerprint, id <> '' AND COUNT(*) OVER (PARTITION BY id) = 1 AS named FROM incoming);

UPDATE matched SET row = (SELECT id FROM row WHERE row.key = matched.key) WHERE key IS NOT NULL;

-- An edited record without an id still carries the request id that we wrote beside it: it is the row that
-- was paid for, not a new one.
WITH free AS (
    SELECT MIN(incoming.place) AS place, row.id AS row
    FROM incoming
    JOIN matched ON matched.place = incoming.place AND matched.row IS NULL
    JOIN request ON request.request_id = incoming.request_id
    JOIN row ON row.id = request.row AND row.request_id = request.request_id
    WHERE incoming.request_id <> '' AND row.state IN ('submitted', 'succeeded')
      AND row.id NOT IN (SELECT row FROM matched WHERE row IS NOT NULL)
    GROUP BY row.id
)
UPDATE matched SET row = free.row FROM free WHERE free.place = matched.place;

-- A record whose id was added, changed or taken away is known by its inputs. Paid rows are matched first.
WITH unmatched AS (
    SELECT incoming.place, incoming.fingerprint,
           ROW_NUMBER() OVER (PARTITION BY incoming.fingerprint ORDER BY incoming.place) AS n
    FROM incoming JOIN matched ON matched.place = incoming.place
    WHERE matched.row IS NULL AND incoming.fingerprint IS NOT NULL
),
left_over AS (
    SELECT id, fingerprint,
           ROW_NUMBER() OVER (PARTITION BY fingerprint ORDER BY state = 'pending', state = 'failed', id) AS n
    FROM row WHERE id NOT IN (SELECT row FROM matched WHERE row IS NOT NULL)
)
UPDATE matched SET row = left_over.id
FROM unmatched JOIN left_over ON left_over.fingerprint = unmatched.fingerprint AND left_over.n = unmatched.n
WHERE unmatched.place = matched.place;
