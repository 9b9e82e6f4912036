-- Invariant: all parts of a hold end together, in one capture or one release, or by their time.
-- Returns the holds that break it; an empty answer is a pass.
SELECT
    part.town_id, part.seq - part.leg AS hold_seq, string_agg(DISTINCT held.state, ', ') AS states,
    count(DISTINCT ending.seq - ending.leg) AS endings
FROM ledger.hold AS held
INNER JOIN ledger.journal AS part ON part.town_id = held.town_id AND part.seq = held.seq
LEFT JOIN ledger.target AS aim ON aim.town_id = held.town_id AND aim.target_seq = held.seq
LEFT JOIN ledger.journal AS ending ON ending.town_id = aim.town_id AND ending.seq = aim.seq
WHERE held.code = 6
GROUP BY part.town_id, part.seq - part.leg
HAVING
    count(DISTINCT ending.seq - ending.leg) > 1
    OR count(ending.seq) NOT IN (0, count(*))
    OR count(DISTINCT CASE WHEN held.state IN ('captured', 'released') THEN 'ended' ELSE held.state END) <> 1;
