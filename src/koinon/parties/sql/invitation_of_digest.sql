-- The invitation that waits under a code.
--
-- digest  bytea        keyed hash of the code
-- at      timestamptz
--
-- One row (id uuid, town_id integer, party_id uuid, user_id bigint, role text, made_at timestamptz,
-- good_until timestamptz, ended_at timestamptz, used_by bigint), or none
-- where it was used, withdrawn or its days are over. Locks nothing.
SELECT id, town_id, party_id, user_id, role, made_at, good_until, ended_at, used_by_id AS used_by
FROM parties_invitation
WHERE digest = %(digest)s AND ended_at IS NULL AND good_until > %(at)s;
