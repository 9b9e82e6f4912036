-- Payments with the bank that an entry of this amount could be: paid out and not seen, or paid and not come back.
--
-- town_id       integer
-- amount_minor  bigint
-- back          boolean  whether money came back
--
-- At most fifty, newest first. No lock.
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
WHERE
    p.town_id = %(town_id)s
    AND u.state IN ('exported', 'settled')
    AND CASE WHEN %(back)s THEN p.state IN ('paid', 'returned') AND p.amount_minor >= %(amount_minor)s
    ELSE p.state IN ('due', 'paid', 'returned') AND p.amount_minor = %(amount_minor)s END
    AND NOT EXISTS (
        SELECT 1 FROM banking.match AS m
        WHERE
            m.town_id = p.town_id AND m.target = p.id
            AND m.kind = CASE WHEN %(back)s THEN 'return' ELSE 'payout' END
    )
ORDER BY p.amount_minor, p.id DESC
LIMIT 50;
