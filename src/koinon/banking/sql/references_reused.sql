-- Which of these bank references stand in more than one statement for one day, for entries that differ.
--
-- town_id     integer
-- references  text[]
--
-- Within one statement several parts of a batch share their reference, and some banks count anew each day: both in order.
-- Of whichever account: an account that is known under two numbers would bring everything twice.
SELECT DISTINCT e.bank_reference
FROM banking.entry AS e
WHERE e.town_id = %(town_id)s AND e.bank_reference = ANY(%(references)s)
GROUP BY e.bank_reference, e.booked_on
HAVING count(DISTINCT e.statement_id) > 1;
