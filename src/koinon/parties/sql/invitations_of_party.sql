-- Every invitation of a party, the newest first.
--
-- town_id   integer
-- party_id  uuid
--
-- Rows (id uuid, town_id integer, party_id uuid, user_id bigint, role text, made_at timestamptz,
-- good_until timestamptz, ended_at timestamptz, used_by bigint). Locks nothing.
SELECT id, town_id, party_id, user_id, role, made_at, good_until, ended_at, used_by_id AS used_by
FROM parties_invitation
WHERE town_id = %(town_id)s AND party_id = %(party_id)s
ORDER BY made_at DESC, id DESC;
