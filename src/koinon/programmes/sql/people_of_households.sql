-- Whoever belongs to a household of the town, a page at a time.
--
-- town_id integer
-- after    uuid or null  people after this one
-- size     integer       how many at the most
SELECT person.party_id, person.household_id
FROM parties_person AS person
INNER JOIN parties_party AS party ON party.id = person.party_id AND party.erased_at IS NULL
INNER JOIN parties_party AS household ON household.id = person.household_id AND household.erased_at IS NULL
WHERE party.town_id = %(town_id)s AND (%(after)s::uuid IS NULL OR person.party_id > %(after)s::uuid)
ORDER BY person.party_id
LIMIT %(size)s;
