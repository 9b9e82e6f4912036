-- Queue a statement for every household that is chosen and has not had one for these days, and for nobody else.
--
-- town_id integer, first_day date, last_day date, at timestamptz, actor text
-- chosen text  'asked': who asked for one each month; 'unreachable': of whom the vault has neither e-mail nor telephone
--              and for whom nobody signs in; 'everybody'
-- zone text    only in this neighbourhood; empty for all
-- fund uuid    only who has an account for money of this fund; null for all
--
-- Households, and residents without one, who have a purse. How many were queued is how many rows were written.
--
-- A household's own identifiers and its people's are two questions on purpose: joined by OR, the whole vault's look-ups
-- would be read for each household.
INSERT INTO helpdesk.letter (town_id, id, party, first_day, last_day, queued_at, queued_by)
SELECT p.town_id, gen_random_uuid(), p.id, %(first_day)s, %(last_day)s, %(at)s, %(actor)s
FROM parties_party AS p
LEFT JOIN parties_household AS household ON household.party_id = p.id
LEFT JOIN parties_person AS person ON person.party_id = p.id
LEFT JOIN parties_zone AS zone ON zone.id = coalesce(household.zone_id, person.zone_id)
WHERE
    p.town_id = %(town_id)s AND p.erased_at IS NULL
    AND (p.kind = 'household' OR (p.kind = 'person' AND person.household_id IS NULL))
    AND EXISTS (
        SELECT FROM ledger.account AS acc
        WHERE
            acc.town_id = p.town_id AND acc.holder = p.id AND acc.kind = 'purse'
            AND (%(fund)s::uuid IS NULL OR acc.fund = %(fund)s::uuid)
    )
    AND (%(zone)s = '' OR zone.code = %(zone)s)
    AND (
        %(chosen)s = 'everybody'
        OR (
            %(chosen)s = 'asked'
            AND EXISTS (SELECT FROM helpdesk.subscriber AS s WHERE s.town_id = p.town_id AND s.party = p.id)
        )
        OR (
            %(chosen)s = 'unreachable'
            AND NOT EXISTS (
                SELECT FROM parties_vaultlookup AS lookup
                WHERE lookup.party_id = p.id AND lookup.kind IN ('email', 'phone')
            )
            AND NOT EXISTS (
                SELECT FROM parties_person AS member
                INNER JOIN parties_vaultlookup AS lookup ON lookup.party_id = member.party_id
                WHERE member.household_id = p.id AND member.is_reference AND lookup.kind IN ('email', 'phone')
            )
            AND NOT EXISTS (SELECT FROM parties_rolegrant AS g WHERE g.party_id = p.id)
        )
    )
ON CONFLICT (town_id, party, first_day, last_day) DO NOTHING;
