-- Keep a code that a phone shows.
--
-- town_id integer, digest bytea, number_digest bytea, phone uuid, at timestamptz, shown_until timestamptz
--
-- No row where another code has these ten digits: whoever asks draws others.
INSERT INTO instruments.shown_code (town_id, digest, number_digest, instrument, made_at, shown_until)
VALUES (%(town_id)s, %(digest)s, %(number_digest)s, %(phone)s, %(at)s, %(shown_until)s)
ON CONFLICT DO NOTHING;
