-- From version 2 of the ledger to version 3: what runs could not learn is written down.
-- A row whose end no run can learn stays submitted, with an event for each run that asked in vain.

INSERT OR IGNORE INTO edge (old, new) VALUES ('submitted', 'submitted'), ('failed', 'submitted');
CREATE INDEX event_unheard ON event (row) WHERE old = 'submitted' AND new = 'submitted';
