-- Everybody who has a role in a town and can be written to.
--
-- town_id integer, role text
--
-- One row (id bigint) for each. Locks nothing.
SELECT DISTINCT u.id
FROM parties_user AS u
INNER JOIN parties_rolegrant AS g ON g.user_id = u.id
WHERE g.town_id = %(town_id)s AND g.role = %(role)s AND u.is_active AND u.email <> ''
ORDER BY u.id;
