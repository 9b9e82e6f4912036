-- Record a signed agreement; no row where one of that day is there already.
--
-- town_id, party, signed_on, until_day, reference, actor, at
INSERT INTO accounting.agreement (town_id, party, signed_on, until_day, reference, recorded_by, recorded_at)
VALUES (%(town_id)s, %(party)s, %(signed_on)s, %(until_day)s, %(reference)s, %(actor)s, %(at)s)
ON CONFLICT DO NOTHING;
