-- Whether a user is a resident of one of these parties, or of its household.
--
-- user_id bigint, parties uuid[]
SELECT EXISTS (
    SELECT FROM parties_rolegrant AS g
    LEFT JOIN parties_person AS person ON person.party_id = g.party_id
    WHERE
        g.user_id = %(user_id)s AND g.role = 'resident'
        AND (
            g.party_id = ANY(%(parties)s) OR person.household_id = ANY(%(parties)s)
            OR g.party_id IN (SELECT theirs.household_id FROM parties_person AS theirs WHERE theirs.party_id = ANY(%(parties)s))
        )
);
