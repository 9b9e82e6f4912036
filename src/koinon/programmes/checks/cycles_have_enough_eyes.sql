-- Invariant: an approved cycle has as many approvals of its list as it needs, none of them by whoever prepared or submitted it.
-- Returns the cycles that break it; an empty answer is a pass. Whoever submitted and approved is also in the audit trail.
SELECT
    programme.town_id, cycle.id, cycle.state, cycle.approvers_needed,
    count(approval.id) AS approvals,
    count(approval.id) FILTER (WHERE approval.actor IN (cycle.prepared_by, cycle.submitted_by)) AS of_their_own,
    count(approval.id) FILTER (
        WHERE approval.fingerprint <> cycle.fingerprint
    ) AS of_another_list,
    count(approval.id) FILTER (WHERE trail.actor IS NULL) AS not_in_the_trail
FROM programmes_cycle AS cycle
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
LEFT JOIN programmes_cycleapproval AS approval
    ON approval.cycle_id = cycle.id AND approval.submitted_at = cycle.submitted_at
LEFT JOIN LATERAL (
    SELECT entry.actor FROM audit.entry AS entry
    WHERE
        entry.town_id = programme.town_id AND entry.subject = 'cycle:' || cycle.id
        AND entry.action IN ('cycle.approval-given', 'cycle.approved')
        AND entry.actor = approval.actor AND entry.at = approval.at
    LIMIT 1
) AS trail ON true
WHERE cycle.submitted_at IS NOT NULL
GROUP BY programme.town_id, cycle.id
HAVING
    (cycle.state IN ('approved', 'disbursing', 'disbursed') AND count(approval.id) < cycle.approvers_needed)
    OR count(approval.id) FILTER (WHERE approval.actor IN (cycle.prepared_by, cycle.submitted_by)) > 0
    OR count(approval.id) FILTER (WHERE approval.fingerprint <> cycle.fingerprint) > 0
    OR count(approval.id) FILTER (WHERE trail.actor IS NULL) > 0;
