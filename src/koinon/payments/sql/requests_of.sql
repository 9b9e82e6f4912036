-- The requests of a payee, the newest first.
--
-- town_id integer, payee uuid, since timestamptz, size integer
--
-- Locks nothing.
SELECT
    r.id, r.payee, r.amount_minor, r.unit, r.reference, r.category, r.number, r.made_at, r.made_by, r.expires_at, r.key_id,
    r.signature, r.withdrawn_at, r.withdrawn_by
FROM payments.request AS r
WHERE r.town_id = %(town_id)s AND r.payee = %(payee)s AND r.made_at >= %(since)s
ORDER BY r.made_at DESC, r.id DESC
LIMIT %(size)s;
