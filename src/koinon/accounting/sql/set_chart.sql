-- Say which account of the town's accounting stands for a kind of account; no row where it does already.
--
-- town_id, place, number, name, actor, at
INSERT INTO accounting.chart AS kept (town_id, place, number, name, set_by, set_at)
VALUES (%(town_id)s, %(place)s, %(number)s, %(name)s, %(actor)s, %(at)s)
ON CONFLICT (town_id, place) DO UPDATE
SET number = excluded.number, name = excluded.name, set_by = excluded.set_by, set_at = excluded.set_at
WHERE (kept.number, kept.name) IS DISTINCT FROM (excluded.number, excluded.name);
