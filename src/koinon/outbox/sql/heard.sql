-- Which of these kinds are listened to in a town, and by which parties?
--
-- town_id  integer
-- kinds    text[]
-- most     integer  how many answers are enough
--
-- One row (kind text, party text) for each subscription, the uuid of zeros for those to
-- every party's events; none in a town where nobody listens. Locks nothing. As plain as it can be, for
-- it is asked before money moves: a grouped answer took twice as long, one with a subquery a kind four times.
SELECT s.kind, s.party::text AS party
FROM outbox.subscription AS s
WHERE s.town_id = %(town_id)s AND s.kind = ANY(%(kinds)s::text[])
LIMIT %(most)s;
