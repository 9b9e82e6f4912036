-- Lock an activity until the transaction ends: what it grants is counted by one at a time.
--
-- town_id integer, activity_id uuid
SELECT id FROM coproduction.activity
WHERE town_id = %(town_id)s AND id = %(activity_id)s
FOR NO KEY UPDATE;
