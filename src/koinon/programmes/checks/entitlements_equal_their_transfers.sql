-- Invariant: every paid entitlement is one transfer of its amount into a purse of its household, and the other way round.
-- Returns the households of a cycle that break it, and by how much; an empty answer is a pass.
SELECT
    coalesce(paid.town_id, given.town_id) AS town_id, coalesce(paid.cycle_id, given.cycle_id) AS cycle_id,
    coalesce(paid.party_id, given.holder) AS party_id, paid.amount_minor AS entitled_minor, given.minor AS disbursed_minor
FROM (
    SELECT programme.town_id, entitlement.cycle_id, entitlement.party_id, entitlement.amount_minor
    FROM programmes_line AS entitlement
    INNER JOIN programmes_cycle AS cycle ON cycle.id = entitlement.cycle_id
    INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
    WHERE entitlement.state = 'paid'
) AS paid
FULL JOIN (
    SELECT transfer.town_id, cycle.id AS cycle_id, purse.holder, sum(transfer.amount_minor) AS minor, count(*) AS transfers
    FROM ledger.transfer AS transfer
    INNER JOIN programmes_cycle AS cycle ON 'cycle:' || cycle.id = transfer.reference
    INNER JOIN ledger.account AS purse ON purse.town_id = transfer.town_id AND purse.id = transfer.credit_account
    WHERE transfer.code = 'disburse' AND transfer.kind NOT IN ('r', 'R')
    GROUP BY transfer.town_id, cycle.id, purse.holder
) AS given
    ON given.town_id = paid.town_id AND given.cycle_id = paid.cycle_id AND given.holder = paid.party_id
WHERE paid.amount_minor IS DISTINCT FROM given.minor OR given.transfers <> 1;
