-- Record neighbourhoods, or their new names.
--
-- town_id integer, code text[], name text[]
INSERT INTO parties_zone (town_id, code, name)
SELECT %(town_id)s, wanted.code, wanted.name
FROM unnest(%(code)s::text[], %(name)s::text[]) AS wanted (code, name)
ON CONFLICT (town_id, code) DO UPDATE SET name = excluded.name;
