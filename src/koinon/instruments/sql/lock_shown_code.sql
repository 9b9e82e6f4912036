-- Lock a code that a phone showed until the transaction ends, by what was scanned or by what was typed.
--
-- town_id integer, digest bytea, number_digest bytea; the one not asked by is null
--
-- At most one row (digest bytea, instrument uuid, shown_until timestamptz, place text, taken_at timestamptz, payment uuid).
SELECT s.digest, s.instrument, s.shown_until, s.place, s.taken_at, s.payment
FROM instruments.shown_code AS s
WHERE
    s.town_id = %(town_id)s
    AND (s.digest = %(digest)s::bytea OR s.number_digest = %(number_digest)s::bytea)
FOR UPDATE;
