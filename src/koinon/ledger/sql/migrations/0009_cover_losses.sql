-- What a town pays a shop for a payment that its till accepted without a network and nobody's purse can pay.
SET LOCAL lock_timeout = '5s';

-- Out of an escrow, into which it was issued from the reserve of the fund that bears such losses.
INSERT INTO ledger.code (number, name)
VALUES
(17, 'cover');
ANALYZE ledger.code;

INSERT INTO ledger.route (code, debit_kind, credit_kind)
VALUES
('cover', 'escrow', 'till');
