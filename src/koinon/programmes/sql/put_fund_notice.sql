-- Write down that a notice about a fund was given; one row (id uuid), none where it was given before that the fund ends.
--
-- id uuid, fund_id uuid, what text, day date, now timestamptz, actor text, purses integer, minor bigint
INSERT INTO programmes_fundnotice (id, fund_id, what, day, told_at, told_by, purses, minor)
VALUES (%(id)s, %(fund_id)s, %(what)s, %(day)s, %(now)s, %(actor)s, %(purses)s, %(minor)s)
ON CONFLICT (fund_id, what, day) DO UPDATE
    SET told_at = excluded.told_at, told_by = excluded.told_by, purses = excluded.purses, minor = excluded.minor
    WHERE excluded.what = 'changing'
RETURNING id;
