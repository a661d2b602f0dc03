-- From version 3 of the ledger to version 4: each request has a start deadline of its own.
-- Those of earlier versions had an hour; NULL says that they are of such a one.

ALTER TABLE row ADD COLUMN start_timeout REAL;
