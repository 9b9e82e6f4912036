-- Which of these bank references an entry of the town carries already.
--
-- town_id     integer
-- references  text[]
SELECT DISTINCT e.bank_reference
FROM banking.entry AS e
WHERE e.town_id = %(town_id)s AND e.bank_reference = ANY(%(references)s);
