-- Who works for a town, with every role of the staff each has there.
--
-- town_id  integer
--
-- One row (id bigint, username text, email text, roles text[], sees_personal_data text[]: the roles in
-- which they are shown who people are) for each user, by user name. Locks nothing.
SELECT
    u.id, u.username, u.email,
    array_agg(g.role ORDER BY g.role) AS roles,
    coalesce(array_agg(g.role ORDER BY g.role) FILTER (WHERE g.sees_personal_data), '{}') AS sees_personal_data
FROM parties_user AS u
INNER JOIN parties_rolegrant AS g ON g.user_id = u.id
WHERE g.town_id = %(town_id)s AND g.role IN ('officer', 'approver', 'treasurer', 'auditor', 'coordinator')
GROUP BY u.id
ORDER BY u.username;
