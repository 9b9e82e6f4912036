-- Lock a fund until the transaction ends: two approvals against one budget take turns, and whoever holds its reserve and goes on
-- to purses takes turns with whoever comes the other way. Before any account.
--
-- fund_id  uuid
SELECT id FROM programmes_fund WHERE id = %(fund_id)s FOR NO KEY UPDATE;
