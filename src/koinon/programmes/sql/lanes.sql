-- The lanes of a cycle, in order.
--
-- cycle_id uuid
SELECT
    lane.id, lane.number, lane.after, lane.upto, lane.total_minor, lane.escrow, lane.paid_upto, lane.paid, lane.paid_minor,
    lane.failed, lane.done
FROM programmes_lane AS lane
WHERE lane.cycle_id = %(cycle_id)s
ORDER BY lane.number;
