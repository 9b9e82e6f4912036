-- The people of a household, whom the town writes to first; of any other party, itself.
--
-- town_id integer, party uuid
--
-- One row (id uuid) for each who was not erased. Locks nothing.
SELECT p.id
FROM parties_party AS p
LEFT JOIN parties_person AS member ON member.party_id = p.id
WHERE
    p.town_id = %(town_id)s AND p.erased_at IS NULL
    AND (member.household_id = %(party)s OR (p.id = %(party)s AND p.kind = 'person'))
ORDER BY member.is_reference DESC, p.id;
