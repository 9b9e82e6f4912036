-- Who acts on the command line: a user of the town, by user name or address.
--
-- town_id  integer
-- name     text
--
-- One row (id bigint, roles text[]) for each active user with a role in the town who
-- is called so, with every role there; user names come before addresses. Locks nothing.
SELECT u.id, array_agg(g.role ORDER BY g.role) AS roles
FROM parties_user AS u
INNER JOIN parties_rolegrant AS g ON g.user_id = u.id AND g.town_id = %(town_id)s
WHERE u.is_active AND (u.username = %(name)s OR lower(u.email) = lower(%(name)s))
GROUP BY u.id
ORDER BY u.username = %(name)s DESC, u.id;
