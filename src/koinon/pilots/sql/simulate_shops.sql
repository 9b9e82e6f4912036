-- Enterprises that accept the unit, for the behaviour model.
--
-- town_id  integer
-- day      date     the first day of the month that is simulated
--
-- One row (place bigint, party uuid, zone text, sector text, wholesale boolean) for
-- each active organisation that accepts payments on that day. ``place`` counts all
-- organisations in the order in which they were taken into the town: the model
-- names them by it, so that a newcomer changes nobody's name. Division 46 of NACE
-- is wholesale trade. Locks nothing.
SELECT o.place, o.party_id AS party, o.zone, o.sector_group AS sector, starts_with(o.sector, '46') AS wholesale
FROM (
    SELECT
        row_number() OVER (ORDER BY p.id) AS place,
        n.party_id,
        coalesce(z.code, '') AS zone,
        n.sector,
        n.sector_group,
        n.active AND NOT n.is_chain AND coalesce(n.accepts_since <= %(day)s, TRUE) AS accepts
    FROM parties_organisation AS n
    INNER JOIN parties_party AS p ON p.id = n.party_id
    LEFT JOIN parties_zone AS z ON z.id = n.zone_id
    WHERE p.town_id = %(town_id)s
) AS o
WHERE o.accepts
ORDER BY o.place;
