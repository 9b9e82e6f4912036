-- The parties behind some ids, as the vault needs them.
--
-- party_ids  uuid[]  in any order
--
-- One row for each party there is. Locks nothing.
SELECT party.id, party.town_id, party.kind, town.country, party.erased_at IS NOT NULL AS erased
FROM parties_party AS party
INNER JOIN parties_town AS town ON town.id = party.town_id
WHERE party.id = ANY(%(party_ids)s::uuid[]);
