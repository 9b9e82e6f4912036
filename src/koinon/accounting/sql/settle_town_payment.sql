-- The payment was approved and made.
--
-- town_id, id, actor, at
UPDATE accounting.town_payment SET state = 'paid', approved_by = %(actor)s, approved_at = %(at)s
WHERE town_id = %(town_id)s AND id = %(id)s;
