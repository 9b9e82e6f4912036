-- Write the terms of small purchases that hold from a local day on; a day that has terms keeps them.
--
-- town_id integer, from_day date, most bigint, per_day bigint, at timestamptz, actor text
--
-- The row count is 1 where they were written.
INSERT INTO instruments.small_terms (town_id, from_day, most_minor, per_day_minor, set_at, set_by)
VALUES (%(town_id)s, %(from_day)s, %(most)s, %(per_day)s, %(at)s, %(actor)s)
ON CONFLICT (town_id, from_day) DO NOTHING;
