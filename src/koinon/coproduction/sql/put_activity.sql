-- Begin an activity, or change what may change of it.
--
-- town_id integer, id uuid, code text, name text, place text, measure text, programme_id uuid or null, bank_id uuid or
-- null, zones text[], first_day date or null, last_day date or null, second_above bigint or null, budget_minor bigint or
-- null, set_by text, set_at timestamptz
INSERT INTO coproduction.activity (
    town_id, id, code, name, place, measure, programme_id, bank_id, zones, first_day, last_day, second_above, budget_minor,
    set_by, set_at
)
VALUES (
    %(town_id)s, %(id)s, %(code)s, %(name)s, %(place)s, %(measure)s, %(programme_id)s, %(bank_id)s, %(zones)s,
    %(first_day)s, %(last_day)s, %(second_above)s, %(budget_minor)s, %(set_by)s, %(set_at)s
)
ON CONFLICT (town_id, code) DO UPDATE SET
    name = excluded.name, place = excluded.place, zones = excluded.zones, first_day = excluded.first_day,
    last_day = excluded.last_day, second_above = excluded.second_above, budget_minor = excluded.budget_minor,
    set_by = excluded.set_by, set_at = excluded.set_at;
