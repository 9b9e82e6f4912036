-- Invariant: what a line of the journal reverses, captures or releases is there, before it, and no other line points at anything.
-- Returns the lines that break it; an empty answer is a pass.
SELECT coalesce(line.town_id, aim.town_id) AS town_id, coalesce(line.seq, aim.seq) AS seq, line.kind, aim.target, aim.target_seq
FROM (SELECT town_id, seq, kind FROM ledger.journal WHERE kind IN ('c', 'C', 'g', 'r', 'R')) AS line
FULL JOIN ledger.target AS aim ON aim.town_id = line.town_id AND aim.seq = line.seq
LEFT JOIN ledger.journal AS first
    ON first.town_id = aim.town_id AND first.seq = aim.target_seq AND first.id = aim.target AND first.seq < aim.seq
    AND CASE WHEN line.kind IN ('r', 'R') THEN first.kind IN ('t', 'c', 'C') ELSE first.kind = 'h' END
WHERE line.seq IS NULL OR aim.seq IS NULL OR first.seq IS NULL;
