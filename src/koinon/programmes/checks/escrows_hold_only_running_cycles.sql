-- Invariant: a programme's escrows hold exactly what the lanes of its running cycle, or another try, have not paid yet.
-- Returns the escrows that break it; an empty answer is a pass. What a lane has paid is said by its lines.
SELECT
    account.town_id, account.holder, account.id AS escrow,
    account.credits_posted - account.debits_posted AS balance_minor, lanes.minor + tries.minor AS running_minor
FROM ledger.account AS account
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(lane.total_minor - (
            SELECT coalesce(sum(line.amount_minor), 0)
            FROM programmes_line AS line
            WHERE
                line.cycle_id = lane.cycle_id AND line.state = 'paid'
                AND (lane.after IS NULL OR line.party_id > lane.after) AND (lane.upto IS NULL OR line.party_id <= lane.upto)
        )), 0) AS minor
    FROM programmes_lane AS lane
    INNER JOIN programmes_cycle AS cycle ON cycle.id = lane.cycle_id
    INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
    WHERE
        programme.town_id = account.town_id AND lane.escrow = account.id
        AND cycle.state = 'disbursing' AND cycle.retries = 0
) AS lanes
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(cycle.total_minor - (
            SELECT coalesce(sum(line.amount_minor), 0)
            FROM programmes_line AS line
            WHERE line.cycle_id = cycle.id AND line.state = 'paid'
        )), 0) AS minor
    FROM programmes_cycle AS cycle
    WHERE cycle.programme_id = account.holder AND cycle.state = 'disbursing' AND cycle.retries > 0
) AS tries
WHERE
    account.kind = 'escrow'
    AND (
        EXISTS (SELECT FROM programmes_programme AS programme WHERE programme.id = account.holder)
        OR EXISTS (
            SELECT FROM programmes_lane AS lane
            INNER JOIN programmes_cycle AS cycle ON cycle.id = lane.cycle_id
            INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
            WHERE programme.town_id = account.town_id AND lane.escrow = account.id
        )
    )
    AND account.credits_posted - account.debits_posted <> lanes.minor + tries.minor;
