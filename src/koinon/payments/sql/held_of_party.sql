-- The rows of the holds on a party's purses, or for its till, that are still open; newest first a page at a time.
--
-- town_id integer, party uuid, before uuid or null (the last one shown before), size integer
WITH mine AS (
    SELECT id FROM ledger.account WHERE town_id = %(town_id)s AND holder = %(party)s AND kind IN ('purse', 'till')
), open_row AS (
    SELECT held.seq FROM ledger.hold AS held
    WHERE held.town_id = %(town_id)s AND held.state = 'open' AND held.debit_account IN (SELECT mine.id FROM mine)
    UNION
    SELECT held.seq FROM ledger.hold AS held
    WHERE held.town_id = %(town_id)s AND held.state = 'open' AND held.credit_account IN (SELECT mine.id FROM mine)
), newest AS (
    SELECT DISTINCT line.seq - line.leg AS first_seq
    FROM open_row
    INNER JOIN ledger.journal AS line ON line.town_id = %(town_id)s AND line.seq = open_row.seq
    WHERE
        %(before)s::uuid IS NULL
        OR line.seq - line.leg < (
            SELECT named.first_seq FROM payments.groups_of(%(town_id)s::integer, ARRAY[%(before)s::uuid]) AS named
        )
    ORDER BY first_seq DESC
    LIMIT %(size)s
)
SELECT line.*
FROM payments.lines(%(town_id)s::integer, (SELECT array_agg(newest.first_seq) FROM newest)) AS line;
