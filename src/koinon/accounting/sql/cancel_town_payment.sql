-- The payment is not to be made.
--
-- town_id, id, actor, at
UPDATE accounting.town_payment SET state = 'cancelled', cancelled_by = %(actor)s, cancelled_at = %(at)s
WHERE town_id = %(town_id)s AND id = %(id)s;
