-- Record neighbourhoods, or their new names and outlines.
--
-- town_id integer, code text[], name text[], outline text[] (GeoJSON, or empty)
INSERT INTO parties_zone (town_id, code, name, outline)
SELECT %(town_id)s, wanted.code, wanted.name, nullif(wanted.outline, '')::jsonb
FROM unnest(%(code)s::text[], %(name)s::text[], %(outline)s::text[]) AS wanted (code, name, outline)
ON CONFLICT (town_id, code) DO UPDATE SET name = excluded.name, outline = excluded.outline;
