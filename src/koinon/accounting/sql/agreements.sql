-- Organisations that take part and the agreement that holds on a day; those without one first.
--
-- town_id integer, day date
SELECT
    organisation.party_id AS party, organisation.trade_name, organisation.active,
    held.signed_on, held.until_day, held.reference
FROM parties_organisation AS organisation
INNER JOIN parties_party AS party ON party.id = organisation.party_id
LEFT JOIN LATERAL (
    SELECT agreement.signed_on, agreement.until_day, agreement.reference
    FROM accounting.agreement AS agreement
    WHERE
        agreement.town_id = party.town_id AND agreement.party = party.id AND agreement.signed_on <= %(day)s
        AND (agreement.until_day IS NULL OR agreement.until_day >= %(day)s)
    ORDER BY agreement.signed_on DESC
    LIMIT 1
) AS held ON TRUE
WHERE party.town_id = %(town_id)s AND (organisation.active OR held.signed_on IS NOT NULL)
ORDER BY held.signed_on IS NOT NULL, organisation.trade_name, organisation.party_id;
