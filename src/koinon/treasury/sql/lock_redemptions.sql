-- Lock redemptions until the transaction ends, lowest id first.
--
-- town_id      integer
-- redemptions  uuid[]
--
-- One row (id) each. What they are is read by another statement afterwards:
-- a statement that waits for a lock still sees what was there before it waited.
SELECT r.id
FROM treasury.redemption AS r
WHERE r.town_id = %(town_id)s AND r.id = ANY(%(redemptions)s)
ORDER BY r.id
FOR NO KEY UPDATE;
