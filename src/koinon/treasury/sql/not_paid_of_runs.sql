-- What the bank refused or sent back of each run that is not paid in full.
--
-- town_id  integer
-- runs     uuid[]  at most so many as are listed
--
-- One row (run_id, amount_minor) a run with such payments. Read through one_payment_a_party. No lock.
SELECT p.run_id, sum(p.amount_minor)::bigint AS amount_minor
FROM treasury.payment AS p
WHERE p.town_id = %(town_id)s AND p.run_id = ANY(%(runs)s) AND p.state IN ('rejected', 'returned')
GROUP BY p.run_id;
