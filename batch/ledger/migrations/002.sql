-- From version 1 of the ledger to version 2: other indexes, and no endpoint.
-- The endpoint is in the fingerprint, and a million rows want other indexes.

ALTER TABLE row DROP COLUMN endpoint;
DROP INDEX row_claimable;
CREATE INDEX row_claimable ON row (place, price, state) WHERE state = 'pending' AND place IS NOT NULL;
DROP INDEX row_under_way;
CREATE INDEX row_state ON row (state);
CREATE INDEX event_sent ON event (row) WHERE new = 'submitting';
CREATE INDEX sheet_odd ON sheet (place) WHERE row IS NULL OR edited OR problem IS NOT NULL;
