-- The rows of the groups that some ids name: payments, refunds, holds, releases. An id that is not its group's first is left out.
--
-- town_id integer, ids uuid[]
SELECT line.*
FROM payments.lines(
    %(town_id)s::integer,
    (
        SELECT array_agg(named.first_seq)
        FROM payments.groups_of(%(town_id)s::integer, %(ids)s::uuid[]) AS named
        WHERE named.leg = 0
    )
) AS line;
