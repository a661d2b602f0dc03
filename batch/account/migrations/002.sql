-- From version 1 of the book to version 2: to which endpoint a request went, and among whose its number tells the order.

ALTER TABLE purchase ADD COLUMN endpoint BLOB NOT NULL DEFAULT x'';
ALTER TABLE purchase ADD COLUMN order_of INTEGER;
UPDATE purchase SET order_of = ledger;
