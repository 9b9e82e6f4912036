-- Everything a user may do.
--
-- user_id  integer
SELECT town_id, role, party_id
FROM parties_rolegrant
WHERE user_id = %(user_id)s
ORDER BY town_id, role, party_id;
