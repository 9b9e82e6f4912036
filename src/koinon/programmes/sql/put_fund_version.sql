-- Write down a change that is announced.
--
-- id uuid, fund_id uuid, from_day date, rule text (JSON), last_day date or null, now timestamptz, actor text, reason text
INSERT INTO programmes_fundversion
(id, fund_id, from_day, rule, last_day, announced_at, announced_by, reason, withdrawn_by)
VALUES (
    %(id)s, %(fund_id)s, %(from_day)s, %(rule)s::jsonb, %(last_day)s, %(now)s, %(actor)s, %(reason)s, ''
);
