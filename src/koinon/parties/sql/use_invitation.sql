-- Use an invitation up: of two at once, the second waits for the first and finds it ended.
--
-- id       uuid
-- user_id  bigint       whose account it opens or binds
-- at       timestamptz
--
-- One row (id uuid, town_id integer, party_id uuid, user_id bigint, role text, made_at timestamptz,
-- good_until timestamptz, ended_at timestamptz, used_by bigint), or none
-- where it does not wait any more, or is for another colleague. Locks its row.
UPDATE parties_invitation
SET ended_at = %(at)s, used_by_id = %(user_id)s
WHERE id = %(id)s AND ended_at IS NULL AND good_until > %(at)s AND coalesce(user_id, %(user_id)s) = %(user_id)s
RETURNING id, town_id, party_id, user_id, role, made_at, good_until, ended_at, used_by_id AS used_by;
