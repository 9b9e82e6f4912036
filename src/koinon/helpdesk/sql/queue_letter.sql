-- Queue a statement for one party; nothing where it has one for these days.
--
-- town_id integer, id uuid, party uuid, first_day date, last_day date, at timestamptz, actor text
INSERT INTO helpdesk.letter (town_id, id, party, first_day, last_day, queued_at, queued_by)
VALUES (%(town_id)s, %(id)s, %(party)s, %(first_day)s, %(last_day)s, %(at)s, %(actor)s)
ON CONFLICT (town_id, party, first_day, last_day) DO NOTHING;
