-- A month as it was published. Locks nothing.
--
-- town_id integer, month text (2027-03)
SELECT p.content::text AS content
FROM impact.published AS p
WHERE p.town_id = %(town_id)s AND p.month = %(month)s;
