-- Invariant: a programme's escrow holds exactly what its running cycle has not paid yet.
-- Returns the programmes that break it; an empty answer is a pass.
SELECT
    account.town_id, account.holder AS programme_id,
    account.credits_posted - account.debits_posted AS balance_minor, running.minor AS running_minor
FROM ledger.account AS account
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(cycle.total_minor - (
            SELECT coalesce(sum(entitlement.amount_minor), 0)
            FROM programmes_entitlement AS entitlement
            WHERE entitlement.cycle_id = cycle.id AND entitlement.state = 'paid'
        )), 0) AS minor
    FROM programmes_cycle AS cycle
    WHERE cycle.programme_id = account.holder AND cycle.state = 'disbursing'
) AS running
WHERE
    account.kind = 'escrow'
    AND EXISTS (SELECT FROM programmes_programme AS programme WHERE programme.id = account.holder)
    AND account.credits_posted - account.debits_posted <> running.minor;
