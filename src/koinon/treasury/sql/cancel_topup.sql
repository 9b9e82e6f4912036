-- Give a top-up up that nobody has paid yet.
--
-- town_id, topup, at, actor
UPDATE treasury.topup
SET state = 'cancelled', cancelled_at = %(at)s, cancelled_by = %(actor)s
WHERE town_id = %(town_id)s AND id = %(topup)s AND state = 'pending';
