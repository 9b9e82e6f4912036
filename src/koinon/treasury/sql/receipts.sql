-- What came in from the budget and what went back, newest first.
--
-- town_id  integer
-- fund     uuid or NULL for every fund
--
-- No lock.
SELECT r.id, r.direction, r.fund, r.amount_minor, r.bank_reference, r.key, r.transfer_id, r.effective_at
FROM treasury.receipt AS r
WHERE r.town_id = %(town_id)s AND (%(fund)s::uuid IS NULL OR r.fund = %(fund)s)
ORDER BY r.effective_at DESC, r.id DESC;
