-- Payer and payee, what rules may look at about them, and what their town says about money and time.
--
-- town_id integer, parties uuid[], at timestamptz
--
-- One row for each party there is. account is where it is paid: an enterprise
-- at its till, anyone else into the free purse; empty where that is not open.
SELECT
    party.id AS party_id,
    party.kind,
    coalesce(zone.code, '') AS zone,
    coalesce(organisation.sector, '') AS sector,
    coalesce(organisation.sector_group, '') AS sector_group,
    coalesce(organisation.legal_form, '') AS legal_form,
    coalesce(organisation.is_sse, FALSE) AS is_sse,
    coalesce(organisation.is_chain, FALSE) AS is_chain,
    organisation.accepts_since,
    coalesce(organisation.active, TRUE) AND party.erased_at IS NULL AS active,
    party.erased_at IS NOT NULL AS erased,
    account.id AS account,
    town.unit_code,
    town.time_zone,
    (%(at)s::timestamptz AT TIME ZONE town.time_zone)::date AS local_day
FROM parties_party AS party
INNER JOIN parties_town AS town ON town.id = party.town_id
LEFT JOIN parties_organisation AS organisation ON organisation.party_id = party.id
LEFT JOIN parties_household AS household ON household.party_id = party.id
LEFT JOIN parties_person AS person ON person.party_id = party.id
LEFT JOIN parties_zone AS zone
    ON zone.id = coalesce(organisation.zone_id, household.zone_id, person.zone_id)
LEFT JOIN ledger.account AS account
    ON
        account.town_id = party.town_id
        AND account.holder = party.id
        AND account.kind = CASE WHEN party.kind IN ('organisation', 'public_body') THEN 'till' ELSE 'purse' END
        AND account.fund IS NULL
        AND account.unit = town.unit_code
WHERE party.town_id = %(town_id)s AND party.id = ANY(%(parties)s::uuid[]);
