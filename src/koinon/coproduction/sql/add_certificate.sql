-- Keep what a certificate says. Touches no row where this id was there.
--
-- town_id integer, id uuid, party uuid, first_day date, last_day date, totals jsonb, issued_by text, issued_at timestamptz
INSERT INTO coproduction.certificate (town_id, id, party, first_day, last_day, totals, issued_by, issued_at)
VALUES (%(town_id)s, %(id)s, %(party)s, %(first_day)s, %(last_day)s, %(totals)s::jsonb, %(issued_by)s, %(issued_at)s)
ON CONFLICT (town_id, id) DO NOTHING;
