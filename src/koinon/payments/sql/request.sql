-- A request by its id or its number, whichever is given.
--
-- town_id integer, id uuid, number text; the one not asked by is null
--
-- At most one row. Locks nothing.
SELECT
    r.id, r.payee, r.amount_minor, r.unit, r.reference, r.category, r.number, r.made_at, r.made_by, r.expires_at, r.key_id,
    r.signature, r.withdrawn_at, r.withdrawn_by
FROM payments.request AS r
WHERE r.town_id = %(town_id)s AND (r.id = %(id)s::uuid OR r.number = %(number)s::text);
