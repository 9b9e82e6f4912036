-- Drop some codes of long ago, whatever became of them.
--
-- before timestamptz
DELETE FROM instruments.shown_code AS s
USING (
    SELECT old.town_id, old.digest FROM instruments.shown_code AS old
    WHERE old.made_at < %(before)s
    ORDER BY old.made_at
    LIMIT 20
    FOR UPDATE SKIP LOCKED
) AS gone
WHERE s.town_id = gone.town_id AND s.digest = gone.digest;
