-- Found a time bank. Touches no row where its code or unit is taken.
--
-- town_id integer, id uuid, code text, name text, unit text, credit_limit integer, most integer, account integer,
-- founded_by text, founded_at timestamptz
INSERT INTO coproduction.time_bank (
    town_id, id, code, name, unit, credit_limit, most, account, founded_by, founded_at
)
VALUES (
    %(town_id)s, %(id)s, %(code)s, %(name)s, %(unit)s, %(credit_limit)s, %(most)s, %(account)s, %(founded_by)s,
    %(founded_at)s
)
ON CONFLICT DO NOTHING;
