-- Where the zones of a town lie.
--
-- town_id  integer
--
-- One row a zone, by code; outline is GeoJSON as text, empty where none is known. No lock.
SELECT z.code, z.name, coalesce(z.outline::text, '') AS outline
FROM parties_zone AS z
WHERE z.town_id = %(town_id)s
ORDER BY z.code;
