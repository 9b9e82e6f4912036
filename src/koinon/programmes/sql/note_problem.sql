-- Keep why the timer could not pay a cycle out; empty is that nothing is in its way.
--
-- cycle_id uuid, problem text
UPDATE programmes_cycle SET problem = %(problem)s WHERE id = %(cycle_id)s AND problem <> %(problem)s;
