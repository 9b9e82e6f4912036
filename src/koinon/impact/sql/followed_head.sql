-- How far a town's books were followed under a convention, if they were. Locks it until the transaction ends.
--
-- town_id     integer
-- convention  text
SELECT f.seq_to, f.rows, f.digest, f.began_at, f.followed_at
FROM impact.followed AS f
WHERE f.town_id = %(town_id)s AND f.convention = %(convention)s
FOR UPDATE;
