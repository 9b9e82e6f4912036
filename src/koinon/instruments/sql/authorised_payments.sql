-- The ids of what was paid under an authorisation on a local day.
--
-- town_id integer, authorisation uuid, day date
--
-- Locks nothing: whoever counts has locked the authorisation in a statement before.
SELECT p.payment
FROM instruments.authorised_payment AS p
WHERE p.town_id = %(town_id)s AND p.authorisation = %(authorisation)s AND p.day = %(day)s;
