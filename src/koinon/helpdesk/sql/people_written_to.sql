-- Under whose name and address a letter to each of these parties goes.
--
-- town_id integer, parties uuid[]
--
-- One row (party uuid, person uuid, language text) for each that was not erased: the person a household is written to, or the
-- party itself; the language of whoever signs in for it, or the town's first. Locks nothing.
SELECT
    p.id AS party,
    coalesce((
        SELECT member.party_id
        FROM parties_person AS member
        INNER JOIN parties_party AS itself ON itself.id = member.party_id AND itself.erased_at IS NULL
        WHERE member.household_id = p.id
        ORDER BY member.is_reference DESC, member.party_id
        LIMIT 1
    ), p.id) AS person,
    coalesce((
        SELECT u.language
        FROM parties_rolegrant AS g
        INNER JOIN parties_user AS u ON u.id = g.user_id
        WHERE g.party_id = p.id AND g.town_id = p.town_id AND u.is_active AND u.language <> ''
        ORDER BY u.id
        LIMIT 1
    ), t.languages ->> 0, '') AS language
FROM parties_party AS p
INNER JOIN parties_town AS t ON t.id = p.town_id
WHERE p.town_id = %(town_id)s AND p.id = ANY(%(parties)s::uuid[]) AND p.erased_at IS NULL;
