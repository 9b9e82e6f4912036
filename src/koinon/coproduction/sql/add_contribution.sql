-- Register a contribution. Touches no row where this id was there, or the person has registered for the occasion's day.
--
-- town_id integer, id uuid, activity_id uuid, occasion_id uuid or null, party uuid, payee uuid, stream text, quantity
-- bigint, day date, needs_second boolean, once text or null, replaces uuid or null, registered_by text, registered_at
-- timestamptz
INSERT INTO coproduction.contribution (
    town_id, id, activity_id, occasion_id, party, payee, stream, quantity, day, needs_second, once, replaces,
    registered_by, registered_at
)
VALUES (
    %(town_id)s, %(id)s, %(activity_id)s, %(occasion_id)s, %(party)s, %(payee)s, %(stream)s, %(quantity)s, %(day)s,
    %(needs_second)s, %(once)s, %(replaces)s, %(registered_by)s, %(registered_at)s
)
ON CONFLICT DO NOTHING;
