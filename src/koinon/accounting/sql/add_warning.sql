-- Keep where a town stands from now on.
--
-- town_id integer, at timestamptz, standing text, volume_minor bigint
INSERT INTO accounting.warning (town_id, at, standing, volume_minor)
VALUES (%(town_id)s, %(at)s, %(standing)s, %(volume_minor)s)
ON CONFLICT DO NOTHING;
