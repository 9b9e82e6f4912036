-- What the town pays out of its own till, newest first; of one id, or all.
--
-- town_id integer, id uuid or null, size integer
SELECT
    id, payee, amount_minor, purpose, reference, state, prepared_by, prepared_at, approved_by, approved_at, cancelled_by,
    cancelled_at
FROM accounting.town_payment
WHERE town_id = %(town_id)s AND (%(id)s::uuid IS NULL OR id = %(id)s)
ORDER BY prepared_at DESC, id DESC
LIMIT %(size)s;
