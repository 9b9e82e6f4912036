-- Lock a fund until the transaction ends: two approvals against one budget take turns.
--
-- fund_id  uuid
SELECT id FROM programmes_fund WHERE id = %(fund_id)s FOR NO KEY UPDATE;
