-- Say what a statement says from a day on; no row where that day has a wording already.
--
-- town_id, kind, language, from_day, body, actor, at
INSERT INTO accounting.wording (town_id, kind, language, from_day, body, set_by, set_at)
VALUES (%(town_id)s, %(kind)s, %(language)s, %(from_day)s, %(body)s, %(actor)s, %(at)s)
ON CONFLICT DO NOTHING;
