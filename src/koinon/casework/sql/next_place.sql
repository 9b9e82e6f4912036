-- The next number of a year, without a gap: the row stays locked until the transaction ends.
--
-- town_id integer, year integer
INSERT INTO casework.counter AS k (town_id, year, last) VALUES (%(town_id)s, %(year)s, 1)
ON CONFLICT (town_id, year) DO UPDATE SET last = k.last + 1
RETURNING k.last;
