-- The household of the resident who signs in to the demonstration.
--
-- town_id integer
--
-- At most one row (party uuid). Locks nothing.
SELECT g.party_id AS party
FROM parties_rolegrant AS g
INNER JOIN parties_user AS u ON u.id = g.user_id
WHERE g.town_id = %(town_id)s AND g.role = 'resident' AND u.username = 'demo-resident'
ORDER BY g.id
LIMIT 1;
