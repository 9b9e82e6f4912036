-- Lock contributions until the transaction ends, lowest id first, after their programme and activity.
--
-- town_id integer, ids uuid[]
SELECT id FROM coproduction.contribution
WHERE town_id = %(town_id)s AND id = ANY(%(ids)s)
ORDER BY id
FOR NO KEY UPDATE;
