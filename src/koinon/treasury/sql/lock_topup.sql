-- Lock a top-up by its reference or its id, so that two that say its euros have come take turns.
--
-- town_id    integer
-- reference  text or NULL
-- topup      uuid or NULL
--
-- One row (id uuid), or none. Nobody who holds an account waits for a top-up: it is locked first.
SELECT t.id
FROM treasury.topup AS t
WHERE
    t.town_id = %(town_id)s
    AND (t.reference = %(reference)s OR t.id = %(topup)s)
FOR NO KEY UPDATE;
