-- Keep that a party asked for a statement each month; nothing where it has.
--
-- town_id integer, party uuid, at timestamptz, actor text
INSERT INTO helpdesk.subscriber (town_id, party, since, set_by)
VALUES (%(town_id)s, %(party)s, %(at)s, %(actor)s)
ON CONFLICT (town_id, party) DO NOTHING;
