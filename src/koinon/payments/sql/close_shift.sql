-- End a shift of a shop; one that has ended stays as it is.
--
-- town_id integer, payee uuid, id uuid, at timestamptz, actor text
--
-- The row count is 1 where it ended now.
UPDATE payments.shift AS s SET closed_at = greatest(%(at)s, s.opened_at), closed_by = %(actor)s
WHERE s.town_id = %(town_id)s AND s.payee = %(payee)s AND s.id = %(id)s AND s.closed_at IS NULL;
