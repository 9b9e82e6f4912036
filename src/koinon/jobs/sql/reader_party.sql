-- In which language a party is written to, and in whose data its address stands.
--
-- town_id integer, party_id uuid
--
-- One row (email text, language text, party_ids uuid[]): party_ids are the party itself and, for a household,
-- the residents the town writes to; email is of whoever signs in for it first, for a party of which
-- the vault has none. None where it was erased. Locks nothing.
SELECT
    coalesce(s.email, '') AS email, coalesce(nullif(s.language, ''), t.languages ->> 0, '') AS language,
    ARRAY[p.id] || coalesce((
        SELECT array_agg(member.party_id ORDER BY member.party_id)
        FROM parties_person AS member
        INNER JOIN parties_party AS of_member ON of_member.id = member.party_id
        WHERE member.household_id = p.id AND member.is_reference AND of_member.erased_at IS NULL
    ), '{}'::uuid[]) AS party_ids
FROM parties_party AS p
INNER JOIN parties_town AS t ON t.id = p.town_id
LEFT JOIN LATERAL (
    SELECT u.email, u.language
    FROM parties_rolegrant AS g
    INNER JOIN parties_user AS u ON u.id = g.user_id
    WHERE g.party_id = p.id AND g.town_id = p.town_id AND u.is_active
    ORDER BY u.email = '', u.id
    LIMIT 1
) AS s ON true
WHERE p.id = %(party_id)s AND p.town_id = %(town_id)s AND p.erased_at IS NULL;
