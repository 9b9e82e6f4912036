-- Organisations about to change, locked in the order of their ids.
--
-- town_id integer, ids uuid[]
--
-- One row (id uuid, active boolean) for each of the town that was not erased.
SELECT organisation.party_id AS id, organisation.active
FROM parties_organisation AS organisation
INNER JOIN parties_party AS party ON party.id = organisation.party_id
WHERE party.town_id = %(town_id)s AND party.erased_at IS NULL AND organisation.party_id = ANY(%(ids)s::uuid[])
ORDER BY organisation.party_id
FOR NO KEY UPDATE OF organisation;
