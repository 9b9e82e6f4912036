-- Who signs in by one of these names: user names and addresses are one set, and case makes no difference.
--
-- names  text[]
--
-- One row (id bigint, username text, email text) for each user, oldest first. Locks nothing.
SELECT u.id, u.username, u.email
FROM parties_user AS u
INNER JOIN unnest(%(names)s::text[]) AS asked (name) ON lower(asked.name) IN (lower(u.username), lower(u.email))
WHERE asked.name <> ''
GROUP BY u.id
ORDER BY u.id;
