-- Lock a request until the transaction ends, so that nobody withdraws it while it is paid.
--
-- town_id integer, id uuid
--
-- At most one row.
SELECT
    r.id, r.payee, r.amount_minor, r.unit, r.reference, r.category, r.number, r.made_at, r.made_by, r.expires_at, r.key_id,
    r.signature, r.withdrawn_at, r.withdrawn_by
FROM payments.request AS r
WHERE r.town_id = %(town_id)s AND r.id = %(id)s
FOR NO KEY UPDATE;
