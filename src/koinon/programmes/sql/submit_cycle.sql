-- Freeze a draft as what is to be approved, with its counts.
--
-- cycle_id uuid, actor text, now timestamptz, fingerprint text, checksum text, people integer
UPDATE programmes_cycle AS cycle
SET
    state = 'submitted', submitted_by = %(actor)s, submitted_at = %(now)s, fingerprint = %(fingerprint)s,
    checksum = %(checksum)s,
    approvers_needed = %(people)s, refused = counted.refused, waiting = counted.waiting
FROM (
    SELECT
        count(*) FILTER (WHERE decision = 'refused') AS refused,
        count(*) FILTER (WHERE decision = 'waiting') AS waiting
    FROM programmes_entitlement
    WHERE cycle_id = %(cycle_id)s AND decision <> 'due'
) AS counted
WHERE cycle.id = %(cycle_id)s AND cycle.state = 'prepared';
