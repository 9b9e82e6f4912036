-- The payments of a run, in the order of the bank's file.
--
-- town_id  integer
-- run      uuid
--
-- No lock.
SELECT p.id, p.run_id, p.party, p.amount_minor, p.state, p.transfer_id, p.paid_at, p.returned_at, p.reason, p.payee_digest
FROM treasury.payment AS p
WHERE p.town_id = %(town_id)s AND p.run_id = %(run)s
ORDER BY p.id;
