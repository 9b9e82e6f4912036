-- Invariant: an id stands in the journal of a town once. Within a month the index sees to it; this is about two months.
-- Returns the ids that break it; an empty answer is a pass.
SELECT town_id, id, count(*) AS lines
FROM ledger.journal
GROUP BY town_id, id
HAVING count(*) > 1;
