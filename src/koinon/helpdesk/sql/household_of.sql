-- From whose purses a person pays: their household's, or their own.
--
-- town_id integer, person uuid
--
-- One row (party uuid, language text: of whoever signs in for it, or empty) where the town has the person. Locks
-- nothing.
SELECT
    coalesce(member.household_id, p.id) AS party,
    coalesce((
        SELECT u.language
        FROM parties_rolegrant AS g
        INNER JOIN parties_user AS u ON u.id = g.user_id
        WHERE g.party_id IN (p.id, member.household_id) AND g.town_id = p.town_id AND u.is_active AND u.language <> ''
        ORDER BY u.id
        LIMIT 1
    ), '') AS language
FROM parties_party AS p
LEFT JOIN parties_person AS member ON member.party_id = p.id
WHERE p.town_id = %(town_id)s AND p.id = %(person)s AND p.erased_at IS NULL;
