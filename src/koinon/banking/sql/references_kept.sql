-- Which of these bank references an entry of the town carries already, for the same day.
--
-- town_id     integer
-- references  text[]  with days date[], one place each
SELECT DISTINCT e.bank_reference
FROM banking.entry AS e
INNER JOIN unnest(%(references)s::text [], %(days)s::date []) AS asked (bank_reference, booked_on)
    ON asked.bank_reference = e.bank_reference AND asked.booked_on = e.booked_on
WHERE e.town_id = %(town_id)s;
