-- Put an authorisation on record; nothing where this id is there already.
--
-- town_id integer, id uuid, party uuid, person uuid, per_day_minor bigint, last_day date, at timestamptz, actor text
INSERT INTO instruments.authorisation (town_id, id, party, person, per_day_minor, last_day, made_at, made_by)
VALUES (
    %(town_id)s, %(id)s, %(party)s, %(person)s, %(per_day_minor)s, %(last_day)s, %(at)s, %(actor)s
)
ON CONFLICT (town_id, id) DO NOTHING;
