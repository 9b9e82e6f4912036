-- Say that an activity gives things to be used again. Touches no row where it was said already.
--
-- town_id integer, activity text, set_by text, set_at timestamptz
INSERT INTO impact.reuse (town_id, activity, set_by, set_at)
VALUES (%(town_id)s, %(activity)s, %(set_by)s, %(set_at)s)
ON CONFLICT (town_id, activity) DO NOTHING;
