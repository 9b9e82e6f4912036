-- The rows of the holds whose time is over and that are still open.
--
-- town_id integer, now timestamptz
SELECT line.*
FROM payments.lines(
    %(town_id)s::integer,
    (
        SELECT array_agg(DISTINCT row.seq - row.leg)
        FROM ledger.hold AS held
        INNER JOIN ledger.journal AS row ON row.town_id = held.town_id AND row.seq = held.seq
        WHERE held.town_id = %(town_id)s AND held.state = 'open' AND held.lapses_at <= %(now)s
    )
) AS line;
