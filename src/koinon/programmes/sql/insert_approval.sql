-- Keep that one person approved one list; says nothing where the person had done so.
--
-- cycle_id uuid, actor text, now timestamptz
INSERT INTO programmes_cycleapproval (cycle_id, actor, at, submitted_at, fingerprint, total_minor, count)
SELECT id, %(actor)s, %(now)s, submitted_at, fingerprint, total_minor, count
FROM programmes_cycle
WHERE id = %(cycle_id)s
ON CONFLICT DO NOTHING;
