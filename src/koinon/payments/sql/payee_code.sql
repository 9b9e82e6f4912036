-- A code by what was scanned, what was typed, or whose it is: whichever is given.
--
-- town_id integer, token text, number text, payee uuid; those not asked by are null
--
-- At most one row: of a payee's codes only the one that is in force. Locks nothing.
SELECT c.id, c.payee, c.token, c.number, c.made_at, c.ended_at
FROM payments.payee_code AS c
WHERE
    c.town_id = %(town_id)s
    AND (
        c.token = %(token)s::text OR c.number = %(number)s::text OR (c.payee = %(payee)s::uuid AND c.ended_at IS NULL)
    );
