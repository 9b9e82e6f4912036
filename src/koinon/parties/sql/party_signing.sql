-- For whom somebody is to sign in.
--
-- town_id integer, party_id uuid
--
-- At most one row (kind text, erased boolean). Locks the party against an erasure at the same time,
-- which takes the sign-ins it finds and would miss one that is being made.
SELECT kind, erased_at IS NOT NULL AS erased
FROM parties_party
WHERE town_id = %(town_id)s AND id = %(party_id)s
FOR SHARE;
