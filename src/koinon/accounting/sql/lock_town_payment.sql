-- Lock one payment of the town until the transaction ends: two approvals take turns.
--
-- town_id integer, id uuid
SELECT id FROM accounting.town_payment WHERE town_id = %(town_id)s AND id = %(id)s FOR NO KEY UPDATE;
