-- Payments of the treasury, or all those of some runs, and whether an entry stands for them.
--
-- town_id  integer
-- ids      uuid[]  of payments or runs
--
-- No lock: whoever acts on it asks again under the run's lock.
SELECT
    p.id, p.run_id, p.amount_minor, p.state, u.state AS run_state,
    EXISTS (
        SELECT 1 FROM banking.match AS m
        WHERE m.town_id = p.town_id AND m.kind = 'payout' AND m.target = p.id
    ) AS seen,
    EXISTS (
        SELECT 1 FROM banking.match AS m
        WHERE m.town_id = p.town_id AND m.kind = 'return' AND m.target = p.id
    ) AS return_seen
FROM treasury.payment AS p
INNER JOIN treasury.run AS u ON u.town_id = p.town_id AND u.id = p.run_id
WHERE p.town_id = %(town_id)s AND (p.id = ANY(%(ids)s) OR p.run_id = ANY(%(ids)s))
ORDER BY p.id;
