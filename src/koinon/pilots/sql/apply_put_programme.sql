-- Record an aid programme, or what changed of it.
--
-- town_id integer, id uuid, code text, name text, fund_id uuid, share_numerator integer,
-- share_denominator integer, floor_monthly_minor bigint,
-- rule text (JSON of the eligibility rule)
INSERT INTO programmes_programme (
    id, town_id, code, name, kind, fund_id, share_numerator, share_denominator, floor_monthly_minor, rule
)
VALUES (
    %(id)s, %(town_id)s, %(code)s, %(name)s, 'aid', %(fund_id)s, %(share_numerator)s, %(share_denominator)s,
    %(floor_monthly_minor)s, %(rule)s::jsonb
)
ON CONFLICT (id) DO UPDATE
    SET
        name = excluded.name,
        fund_id = excluded.fund_id,
        share_numerator = excluded.share_numerator,
        share_denominator = excluded.share_denominator,
        floor_monthly_minor = excluded.floor_monthly_minor,
        rule = excluded.rule;
