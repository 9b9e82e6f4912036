-- Which of these bank references an account shows in more than one statement, for entries that are not the same.
--
-- town_id     integer
-- references  text[]
--
-- Within one statement several parts of a batch share their reference, and that is in order.
SELECT e.bank_reference
FROM banking.entry AS e
WHERE e.town_id = %(town_id)s AND e.bank_reference = ANY(%(references)s)
GROUP BY e.account_id, e.bank_reference
HAVING count(DISTINCT e.statement_id) > 1;
