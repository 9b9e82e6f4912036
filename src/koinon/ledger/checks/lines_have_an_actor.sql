-- Invariant: every line of the journal says who asked for it, and falls into a month that the town has begun.
-- Returns the lines that break it; an empty answer is a pass.
SELECT line.town_id, line.id AS line_id, line.actor, line.seq >> 50 AS month
FROM ledger.journal AS line
LEFT JOIN ledger.actor AS act ON act.town_id = line.town_id AND act.number = line.actor
LEFT JOIN ledger.period AS per ON per.town_id = line.town_id AND per.month = line.seq >> 50
WHERE act.number IS NULL OR per.month IS NULL;
