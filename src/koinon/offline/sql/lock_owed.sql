-- What the town still owes shops for vouchers, the oldest first.
--
-- town_id  integer
-- id       uuid     of one voucher; null for all of them
--
-- The row by which a town's vouchers take turns is locked before.
SELECT v.id, v.party, v.fund_id, v.owed_minor
FROM offline.voucher AS v
WHERE v.town_id = %(town_id)s AND v.owed_minor > 0 AND (%(id)s::uuid IS NULL OR v.id = %(id)s)
ORDER BY v.id
FOR NO KEY UPDATE;
