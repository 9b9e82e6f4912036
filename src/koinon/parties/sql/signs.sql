-- What may be shown of some parties without opening the vault, and in whose name the rest lies there.
--
-- town_id    integer
-- party_ids  uuid[]   in any order; those of other towns are left out
--
-- One row (party_id uuid, kind text, sign text, legal_form text, reference uuid or null, erased
-- boolean) for each. ``reference`` is the person a household is called after. Locks nothing.
SELECT
    party.id AS party_id,
    party.kind,
    coalesce(organisation.trade_name, CASE WHEN party.kind = 'public_body' THEN town.name END, '') AS sign,
    coalesce(organisation.legal_form, CASE WHEN party.kind = 'public_body' THEN 'public-body' END, '') AS legal_form,
    (
        SELECT person.party_id
        FROM parties_person AS person
        INNER JOIN parties_party AS itself ON itself.id = person.party_id AND itself.erased_at IS NULL
        WHERE person.household_id = party.id
        ORDER BY person.is_reference DESC, person.party_id
        LIMIT 1
    ) AS reference,
    party.erased_at IS NOT NULL AS erased
FROM parties_party AS party
INNER JOIN parties_town AS town ON town.id = party.town_id
LEFT JOIN parties_organisation AS organisation ON organisation.party_id = party.id
WHERE party.town_id = %(town_id)s AND party.id = ANY(%(party_ids)s::uuid[]);
