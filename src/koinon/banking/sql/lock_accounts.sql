-- Lock bank accounts until the transaction ends, lowest id first, so that two imports take turns.
--
-- town_id   integer
-- accounts  uuid[]
SELECT a.id FROM banking.account AS a
WHERE a.town_id = %(town_id)s AND a.id = ANY(%(accounts)s)
ORDER BY a.id
FOR NO KEY UPDATE;
