-- Say what holds for a fund from a day on; no row where that day has a record already.
--
-- town_id, fund, from_day, convertible_by, limited_to, source, actor, at
INSERT INTO accounting.fund_record (town_id, fund, from_day, convertible_by, limited_to, source, set_by, set_at)
VALUES (
    %(town_id)s, %(fund)s, %(from_day)s, %(convertible_by)s, %(limited_to)s, %(source)s, %(actor)s, %(at)s
)
ON CONFLICT DO NOTHING;
