-- The organisations of a town, as the table component reads them.
--
-- town_id integer
--
-- One row for each that was not erased. ``till_minor`` is what its till has. Locks nothing.
SELECT
    organisation.party_id AS id,
    organisation.party_id AS party,
    organisation.sector,
    organisation.sector_group,
    organisation.legal_form,
    organisation.is_sse,
    organisation.is_chain,
    organisation.size_class,
    coalesce(zone.name, '') AS zone,
    organisation.accepts_since,
    organisation.active,
    (
        SELECT coalesce(sum(till.credits_posted - till.debits_posted - till.debits_held), 0)::bigint
        FROM ledger.account AS till
        WHERE till.town_id = %(town_id)s AND till.holder = organisation.party_id AND till.kind = 'till'
    ) AS till_minor
FROM parties_organisation AS organisation
INNER JOIN parties_party AS party ON party.id = organisation.party_id
LEFT JOIN parties_zone AS zone ON zone.id = organisation.zone_id
WHERE party.town_id = %(town_id)s AND party.erased_at IS NULL
