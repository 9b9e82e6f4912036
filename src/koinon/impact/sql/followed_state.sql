-- What is needed to go on following a town's books, if they were followed before. Locks it until the transaction ends.
--
-- town_id     integer
-- convention  text
SELECT f.seq_to, f.rows, f.known, f.state, f.digest, f.began_at, f.followed_at
FROM impact.followed AS f
WHERE f.town_id = %(town_id)s AND f.convention = %(convention)s
FOR UPDATE;
