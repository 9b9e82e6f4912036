-- What every holder of a purse or till can spend, for the start of a simulated day.
--
-- town_id  integer
--
-- One row (party uuid, available_minor bigint) for each holder with something. Locks nothing.
SELECT a.holder AS party, sum(a.credits_posted - a.debits_posted - a.debits_held)::bigint AS available_minor
FROM ledger.account AS a
WHERE a.town_id = %(town_id)s AND a.kind IN ('purse', 'till') AND a.closed_at IS NULL
GROUP BY a.holder
HAVING sum(a.credits_posted - a.debits_posted - a.debits_held) > 0;
