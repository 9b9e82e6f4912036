-- Say that some activities give things to be used again. Touches no row where it was said already.
--
-- town_id integer, activity text[] each once, set_by text, set_at timestamptz
INSERT INTO impact.reuse (town_id, activity, set_by, set_at)
SELECT %(town_id)s, said.activity, %(set_by)s, %(set_at)s
FROM unnest(%(activity)s::text[]) AS said (activity)
ON CONFLICT (town_id, activity) DO NOTHING;
