-- Open an occasion. Touches no row where this id was there.
--
-- town_id integer, id uuid, activity_id uuid, place text, opens_at timestamptz, closes_at timestamptz, opened_by text,
-- opened_at timestamptz
INSERT INTO coproduction.occasion (town_id, id, activity_id, place, opens_at, closes_at, opened_by, opened_at)
VALUES (%(town_id)s, %(id)s, %(activity_id)s, %(place)s, %(opens_at)s, %(closes_at)s, %(opened_by)s, %(opened_at)s)
ON CONFLICT (town_id, id) DO NOTHING;
