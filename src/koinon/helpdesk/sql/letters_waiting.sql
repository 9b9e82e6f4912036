-- How many letters wait to be printed.
--
-- town_id integer
--
-- One row (waiting bigint). Locks nothing.
SELECT count(*) AS waiting
FROM helpdesk.letter AS l
INNER JOIN parties_party AS p ON p.id = l.party AND p.erased_at IS NULL
WHERE l.town_id = %(town_id)s AND l.batch IS NULL;
