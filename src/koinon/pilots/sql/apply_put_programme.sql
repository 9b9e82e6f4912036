-- Record an aid programme, or what changed of it.
--
-- town_id integer, id uuid, code text, name text, fund_id uuid, share_numerator integer,
-- share_denominator integer, floor_monthly_minor bigint,
-- rule text (JSON of the eligibility rule), for_whom text, amounts text (JSON), waiting text (JSON) or null,
-- holds_duplicates boolean, approvals text (JSON)
INSERT INTO programmes_programme (
    id, town_id, code, name, kind, fund_id, share_numerator, share_denominator, floor_monthly_minor, rule,
    for_whom, amounts, waiting, holds_duplicates, approvals
)
VALUES (
    %(id)s, %(town_id)s, %(code)s, %(name)s, 'aid', %(fund_id)s, %(share_numerator)s, %(share_denominator)s,
    %(floor_monthly_minor)s, %(rule)s::jsonb, %(for_whom)s, %(amounts)s::jsonb, %(waiting)s::jsonb,
    %(holds_duplicates)s, %(approvals)s::jsonb
)
ON CONFLICT (id) DO UPDATE
    SET
        name = excluded.name,
        fund_id = excluded.fund_id,
        share_numerator = excluded.share_numerator,
        share_denominator = excluded.share_denominator,
        floor_monthly_minor = excluded.floor_monthly_minor,
        rule = excluded.rule,
        for_whom = excluded.for_whom,
        amounts = excluded.amounts,
        waiting = excluded.waiting,
        holds_duplicates = excluded.holds_duplicates,
        approvals = excluded.approvals;
