-- Top-ups, bonuses, rewards and fees; bound money that becomes free; hours that members of a time bank exchange.
SET LOCAL lock_timeout = '5s';

ALTER DOMAIN ledger.account_kind DROP CONSTRAINT account_kind_check;
ALTER DOMAIN ledger.account_kind ADD CONSTRAINT account_kind_is_known
CHECK (VALUE IN ('issuance', 'reserve', 'escrow', 'purse', 'till', 'redemption', 'clearing', 'member'));
COMMENT ON DOMAIN ledger.account_kind IS 'What an account is for; member is a time bank''s: in a unit of its own, below zero down to its floor, and all of them together are always zero.';

INSERT INTO ledger.code (number, name)
VALUES
(10, 'topup'), (11, 'bonus'), (12, 'reward'), (13, 'fee'), (14, 'unbind'), (15, 'exchange');
ANALYZE ledger.code;

-- Whatever goes to somebody comes out of an escrow, into which it was issued from the reserve: the count of what was
-- issued stays in one place.
INSERT INTO ledger.route (code, debit_kind, credit_kind)
VALUES
('topup', 'escrow', 'purse'),
('topup', 'escrow', 'till'),
('bonus', 'escrow', 'purse'),
('reward', 'escrow', 'purse'),
('fee', 'till', 'till'),
('unbind', 'till', 'till'),
('exchange', 'member', 'member');
