-- Whether an organisation of the town has this id.
--
-- town_id integer, party uuid
SELECT TRUE
FROM parties_organisation AS organisation
INNER JOIN parties_party AS party ON party.id = organisation.party_id
WHERE party.town_id = %(town_id)s AND party.id = %(party)s AND party.erased_at IS NULL;
