-- One payment.
--
-- town_id  integer
-- payment  uuid
--
-- No lock: whoever acts on it has locked its run.
SELECT p.id, p.run_id, p.party, p.amount_minor, p.state, p.transfer_id, p.paid_at, p.returned_at, p.reason, p.payee_digest
FROM treasury.payment AS p
WHERE p.town_id = %(town_id)s AND p.id = %(payment)s;
