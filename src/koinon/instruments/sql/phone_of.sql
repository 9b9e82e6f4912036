-- The phone of an account that works or may work again, for one party that it acts for.
--
-- town_id integer, party uuid, account integer
--
-- At most one row (id uuid). Locks nothing.
SELECT c.id
FROM instruments.card AS c
WHERE
    c.town_id = %(town_id)s AND c.party = %(party)s AND c.account = %(account)s AND c.kind = 'phone'
    AND c.state IN ('active', 'blocked');
