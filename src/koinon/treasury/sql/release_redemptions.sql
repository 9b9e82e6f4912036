-- Make the requests of these payments open again.
--
-- town_id   integer
-- payments  uuid[]
-- at        timestamptz
UPDATE treasury.payment_redemption AS m
SET released_at = %(at)s
WHERE m.town_id = %(town_id)s AND m.payment_id = ANY(%(payments)s) AND m.released_at IS NULL;
