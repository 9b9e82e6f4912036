-- A print of what impact/sql/town_accounts.sql says of a town's accounts: another one where something of it has changed.
--
-- town_id integer
-- unit    text
-- purse   integer  up to which purse
-- other   integer  and up to which account of another kind they were known before
--
-- One row: purse and other as they are now, the print of all accounts now, and the print of those known before.
-- Locks nothing, and leaves a million accounts where they are.
WITH trading AS MATERIALIZED (
    SELECT DISTINCT own.holder FROM ledger.account AS own WHERE own.town_id = %(town_id)s AND own.kind = 'till'
),

printed AS (
    SELECT
        a.id, a.kind,
        hashtextextended(
            row(
                a.id, a.kind, f.code, trading.holder, p.kind, oz.code, hz.code, pz.code, o.sector_group, o.legal_form,
                o.is_sse, o.size_class
            )::text, 0
        )::numeric AS print
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
    WHERE a.town_id = %(town_id)s AND a.unit = %(unit)s
)

SELECT
    coalesce(max(printed.id) FILTER (WHERE printed.kind = 'purse'), 0) AS purse,
    coalesce(max(printed.id) FILTER (WHERE printed.kind <> 'purse'), 0) AS other,
    coalesce(sum(printed.print), 0)::text AS print,
    coalesce(
        sum(printed.print) FILTER (
            WHERE printed.id <= CASE WHEN printed.kind = 'purse' THEN %(purse)s ELSE %(other)s END
        ), 0
    )::text AS print_before
FROM printed;
