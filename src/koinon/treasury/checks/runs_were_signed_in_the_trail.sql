-- Invariant: whoever prepared, approved, exported, settled or cancelled a run is who the audit trail says, and the other way round.
-- Returns the steps that break it; an empty answer is a pass. An approval that was withdrawn stands nowhere.
WITH signed AS (
    SELECT u.town_id, 'run:' || u.id AS subject, s.step, s.actor, s.at
    FROM treasury.run AS u
    CROSS JOIN LATERAL (
        VALUES
        ('prepared', u.prepared_by, u.prepared_at),
        ('approved', u.approved_by, u.approved_at),
        ('exported', u.exported_by, u.exported_at),
        ('settled', u.settled_by, u.settled_at),
        ('cancelled', u.cancelled_by, u.cancelled_at)
    ) AS s (step, actor, at)
    WHERE s.actor IS NOT NULL
),
trail AS (
    SELECT DISTINCT ON (e.town_id, e.subject, known.step)
        e.town_id, e.subject, known.step, e.action, e.actor, e.at
    FROM audit.entry AS e
    INNER JOIN (
        VALUES
        ('treasury.run-prepared', 'prepared'),
        ('treasury.run-approved', 'approved'),
        ('treasury.run-approval-withdrawn', 'approved'),
        ('treasury.run-exported', 'exported'),
        ('treasury.run-settled', 'settled'),
        ('treasury.run-cancelled', 'cancelled')
    ) AS known (action, step) ON known.action = e.action
    ORDER BY e.town_id, e.subject, known.step, e.recorded_at DESC, e.id DESC
)
SELECT
    coalesce(signed.town_id, said.town_id) AS town_id, coalesce(signed.subject, said.subject) AS subject,
    coalesce(signed.step, said.step) AS step, signed.actor AS run_says, said.actor AS trail_says
FROM signed
FULL JOIN (SELECT * FROM trail WHERE action <> 'treasury.run-approval-withdrawn') AS said
    ON said.town_id = signed.town_id AND said.subject = signed.subject AND said.step = signed.step
WHERE signed.actor IS DISTINCT FROM said.actor OR signed.at IS DISTINCT FROM said.at;
