-- How far a town's books were followed, and what it says. Locks nothing.
--
-- town_id integer
SELECT
    f.town_id, f.convention, f.seq_to, f.rows, f.digest, f.began_at, f.followed_at, f.result::text AS result
FROM impact.followed AS f
WHERE f.town_id = %(town_id)s
ORDER BY f.convention;
