-- The accounts of a town's units, with what is public of their holders. Locks nothing.
--
-- town_id integer
-- unit    text
-- ids     integer[]  which of them; NULL is all
--
-- One row an account, lowest id first. ``trades``: its holder keeps a till, so that all its accounts are one place.
-- fund is the code of the fund whose money an escrow gives out, NULL where people paid for it themselves. Of residents
-- nothing but the neighbourhood. What is read here is what impact/sql/town_register.sql takes the print of.
WITH trading AS MATERIALIZED (
    SELECT DISTINCT own.holder FROM ledger.account AS own WHERE own.town_id = %(town_id)s AND own.kind = 'till'
)

SELECT
    a.id, a.kind, a.holder, f.code AS fund,
    a.kind IN ('purse', 'till', 'clearing') AND trading.holder IS NOT NULL AS trades,
    p.kind AS party,
    coalesce(oz.code, hz.code, pz.code) AS zone,
    nullif(o.sector_group, '') AS sector,
    nullif(o.legal_form, '') AS legal_form,
    o.is_sse,
    nullif(o.size_class, '') AS size
FROM ledger.account AS a
LEFT JOIN trading ON trading.holder = a.holder
LEFT JOIN programmes_fund AS f ON f.id = a.fund
LEFT JOIN parties_party AS p ON p.id = a.holder
LEFT JOIN parties_organisation AS o ON o.party_id = a.holder
LEFT JOIN parties_zone AS oz ON oz.id = o.zone_id
LEFT JOIN parties_household AS h ON h.party_id = a.holder
LEFT JOIN parties_zone AS hz ON hz.id = h.zone_id
LEFT JOIN parties_person AS person ON person.party_id = a.holder
LEFT JOIN parties_zone AS pz ON pz.id = person.zone_id
WHERE a.town_id = %(town_id)s AND a.unit = %(unit)s AND (%(ids)s::integer [] IS NULL OR a.id = ANY(%(ids)s::integer []))
ORDER BY a.id;
