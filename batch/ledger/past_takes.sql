-- The takes of a ledger from before version 7: of its rows, and of the log, which kept the result of a video bought again.
-- For reading such a ledger as it is, and for bringing it up to date.
-- The id of a request that another one followed stands in the log with the intent of that one; before any, in the row.
CREATE TEMP VIEW IF NOT EXISTS past_take AS
WITH replaced AS (
    SELECT event.row, event.seq, event.detail AS result, IIF(later.seq IS NULL, row.request_id, later.detail) AS request_id
    FROM main.event JOIN main.row ON row.id = event.row LEFT JOIN main.event AS later ON later.seq = (
        SELECT MIN(seq) FROM main.event AS next
        WHERE next.row = event.row AND next.seq > event.seq AND next.new = 'submitting'
    )
    WHERE event.old = 'succeeded' AND event.new = 'pending' AND json_valid(event.detail)
), earlier AS (
    SELECT row, request_id, result, MIN(seq) AS seq,
        COALESCE(
            json_extract(result, '$.video.url'),
            (SELECT atom FROM json_tree(result) WHERE key = 'url' AND type = 'text' ORDER BY id LIMIT 1)
        ) AS video_url,
        (SELECT MAX(seq) FROM main.event AS made
         WHERE made.row = replaced.row AND made.seq < replaced.seq AND new = 'succeeded' AND old <> 'succeeded') AS made
    FROM replaced
    WHERE request_id IN (SELECT request_id FROM main.request WHERE request.row = replaced.row)
    GROUP BY request_id
), known AS (
    SELECT row, made AS seq, request_id, video_url, result, NULL AS cost, NULL AS fingerprint,
        (SELECT at FROM main.event AS sent
         WHERE sent.row = earlier.row AND sent.seq < made AND new = 'submitted' AND old <> 'submitted'
         ORDER BY sent.seq DESC LIMIT 1) AS submitted_at,
        (SELECT at FROM main.event WHERE seq = made) AS finished_at
    FROM earlier
    WHERE video_url IS NOT NULL AND made IS NOT NULL
      AND request_id NOT IN (SELECT request_id FROM main.row WHERE row.id = earlier.row AND state = 'succeeded')
    UNION ALL
    SELECT id, 9e18, request_id, video_url, result, price, fingerprint, submitted_at, finished_at
    FROM main.row WHERE state = 'succeeded'
)
SELECT row, ROW_NUMBER() OVER (PARTITION BY row ORDER BY seq) AS number, request_id, video_url, result, cost,
    fingerprint, submitted_at, finished_at
FROM known;
