-- Put the letters that have waited longest into a batch, and say which they are.
--
-- town_id integer, batch uuid, most integer, at timestamptz, actor text
--
-- One row for each. Two who print at once get different letters: what one has locked the other passes by.
UPDATE helpdesk.letter AS l
SET batch = %(batch)s, printed_at = %(at)s, printed_by = %(actor)s
WHERE l.town_id = %(town_id)s AND l.id IN (
    SELECT w.id
    FROM helpdesk.letter AS w
    INNER JOIN parties_party AS p ON p.id = w.party AND p.erased_at IS NULL
    WHERE w.town_id = %(town_id)s AND w.batch IS NULL
    ORDER BY w.queued_at, w.id
    LIMIT %(most)s
    FOR UPDATE OF w SKIP LOCKED
)
RETURNING l.id, l.party, l.first_day, l.last_day;
