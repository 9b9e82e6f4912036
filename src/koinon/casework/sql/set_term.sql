-- Set a town's own time for answers from a day on.
--
-- town_id integer, about text, from_day date, number integer, count text, source text, at timestamptz, actor text
--
-- Touches nothing where it says the same already.
INSERT INTO casework.term AS t (town_id, about, from_day, number, count, source, set_by, set_at)
VALUES (%(town_id)s, %(about)s, %(from_day)s, %(number)s, %(count)s, %(source)s, %(actor)s, %(at)s)
ON CONFLICT (town_id, about, from_day) DO UPDATE
SET number = excluded.number, count = excluded.count, source = excluded.source, set_by = excluded.set_by, set_at = excluded.set_at
WHERE (t.number, t.count, t.source) IS DISTINCT FROM (excluded.number, excluded.count, excluded.source);
