-- The cycles of a town, newest month first, or those of one programme or month, or one of them.
--
-- town_id integer, programme_id uuid or null, cycle_id uuid or null, month text (YYYY-MM) or null
SELECT
    cycle.id, cycle.programme_id, programme.code AS programme_code, programme.name AS programme_name,
    programme.fund_id, cycle.month, cycle.state, cycle.prepared_by, cycle.prepared_at,
    cycle.approved_by, cycle.approved_at, cycle.disbursed_by, cycle.disbursing_at,
    cycle.disbursed_at, cycle.cancelled_by, cycle.cancelled_at, cycle.total_minor, cycle.count,
    cycle.paid + under_way.paid AS paid, cycle.paid_minor + under_way.minor AS paid_minor,
    cycle.failed + under_way.failed AS failed, cycle.refused + counted.refused AS refused,
    cycle.waiting + counted.waiting AS waiting, cycle.submitted_by, cycle.submitted_at, cycle.fingerprint, cycle.checksum,
    cycle.approvers_needed, cycle.scheduled_by, cycle.scheduled_at, cycle.problem, cycle.stopped_by, cycle.stopped_at,
    cycle.retries, cycle.retried_at,
    (
        SELECT count(*) FROM programmes_cycleapproval AS approval
        WHERE approval.cycle_id = cycle.id AND approval.submitted_at = cycle.submitted_at
    ) AS approvals
FROM programmes_cycle AS cycle
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE entitlement.decision = 'refused') AS refused,
        count(*) FILTER (WHERE entitlement.decision = 'waiting') AS waiting
    FROM programmes_entitlement AS entitlement
    WHERE
        entitlement.cycle_id = cycle.id AND entitlement.decision <> 'due'
        AND cycle.submitted_at IS NULL -- From then on the cycle knows them by itself.
) AS counted
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(lane.paid), 0)::integer AS paid, coalesce(sum(lane.paid_minor), 0)::bigint AS minor,
        coalesce(sum(lane.failed), 0)::integer AS failed
    FROM programmes_lane AS lane
    WHERE lane.cycle_id = cycle.id AND cycle.state = 'disbursing' AND cycle.retries = 0 -- Then it knows them by itself.
) AS under_way
WHERE
    programme.town_id = %(town_id)s
    AND (%(programme_id)s::uuid IS NULL OR cycle.programme_id = %(programme_id)s::uuid)
    AND (%(cycle_id)s::uuid IS NULL OR cycle.id = %(cycle_id)s::uuid)
    AND (%(month)s::text IS NULL OR cycle.month = %(month)s::text)
ORDER BY cycle.month DESC, cycle.id DESC;
