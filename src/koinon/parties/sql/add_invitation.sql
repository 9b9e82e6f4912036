-- Keep an invitation; of its code only the keyed hash.
--
-- id uuid, town_id integer, party_id uuid or null, user_id bigint or null, role text, digest bytea,
-- actor text, at timestamptz, good_until timestamptz
INSERT INTO parties_invitation (
    id, town_id, party_id, user_id, role, digest, invited_by, made_at, good_until
)
VALUES (
    %(id)s, %(town_id)s, %(party_id)s::uuid, %(user_id)s::bigint, %(role)s, %(digest)s, %(actor)s, %(at)s,
    %(good_until)s
);
