-- Residents who take part in what the demonstration's town does together.
--
-- town_id  integer
-- most     integer  how many
--
-- One row (party uuid) for each: of as many households the person who came first, in the order in which
-- the households were taken into the town. Locks nothing.
SELECT first.party
FROM (
    SELECT DISTINCT ON (person.household_id) person.household_id, person.party_id AS party
    FROM parties_person AS person
    INNER JOIN parties_party AS party ON party.id = person.party_id
    WHERE party.town_id = %(town_id)s AND party.erased_at IS NULL AND person.household_id IS NOT NULL
    ORDER BY person.household_id, person.party_id
) AS first
ORDER BY first.household_id
LIMIT %(most)s;
