-- End an invitation that nobody has used.
--
-- town_id  integer
-- id       uuid
-- party_id uuid         whose it must be; null for anybody's
-- at       timestamptz
--
-- One row (id uuid, town_id integer, party_id uuid, user_id bigint, role text, made_at timestamptz,
-- good_until timestamptz, ended_at timestamptz, used_by bigint), or none
-- where none waits. Locks its row.
UPDATE parties_invitation
SET ended_at = %(at)s
WHERE
    town_id = %(town_id)s AND id = %(id)s AND ended_at IS NULL
    AND (%(party_id)s::uuid IS NULL OR party_id = %(party_id)s)
RETURNING id, town_id, party_id, user_id, role, made_at, good_until, ended_at, used_by_id AS used_by;
