-- To which address and in which language a user is written.
--
-- town_id integer, user_id bigint
--
-- One row (email text, language text, party_ids uuid[]), or none where the user has left the town. Locks nothing.
SELECT u.email, coalesce(nullif(u.language, ''), t.languages ->> 0, '') AS language, '{}'::uuid[] AS party_ids
FROM parties_user AS u
CROSS JOIN parties_town AS t
WHERE
    u.id = %(user_id)s AND t.id = %(town_id)s AND u.is_active
    AND EXISTS (SELECT FROM parties_rolegrant AS g WHERE g.user_id = u.id AND g.town_id = t.id);
