-- Pay the next due lines of a cycle: purses opened, units moved, what could not be paid noted, all of it here.
--
-- town_id integer, cycle_id uuid, fund_id uuid, unit text, escrow integer
-- after uuid, upto uuid  parties: from the first, not included, to the second, included
-- again boolean          only lines that failed before and are tried again
-- size integer           how many lines at the most, in the order of party ids
-- at timestamptz         when the transfers count
-- actor text
--
-- One row: how many lines there were and with which party they end, how many are paid and how much that is, how many failed; and,
-- where something other than a household's own purse stood in the way, what the first such transfer met: nothing may stay then.
--
-- The id of a transfer is what koinon.kernel.identifiers.id_under makes of the line's id and 'disburse'.
--
-- Lines are not touched: that they are paid follows from how far their lane has come.
--
-- Whatever the planner believes of how many there are, nothing here can go through a whole table: everything is a range of one
-- index, or is looked up one by one.
--
-- Nothing leaves the server: memory does not grow with the list. Locks what ledger.disburse locks; whoever calls holds the lane.
WITH line AS (
    (
        SELECT entitlement.id, entitlement.party_id, entitlement.amount_minor
        FROM programmes_entitlement AS entitlement
        WHERE
            NOT %(again)s::boolean AND entitlement.cycle_id = %(cycle_id)s AND entitlement.decision = 'due'
            AND entitlement.party_id > %(after)s::uuid AND entitlement.party_id <= %(upto)s::uuid
        ORDER BY entitlement.party_id
        LIMIT %(size)s::integer
    )
    UNION ALL
    (
        SELECT entitlement.id, entitlement.party_id, entitlement.amount_minor
        FROM programmes_failure AS failure
        INNER JOIN programmes_entitlement AS entitlement ON entitlement.id = failure.entitlement_id
        WHERE %(again)s::boolean AND failure.cycle_id = %(cycle_id)s AND failure.again
        ORDER BY entitlement.party_id
        LIMIT %(size)s::integer
    )
),
due AS MATERIALIZED (
    SELECT
        line.id, line.party_id, line.amount_minor,
        line.party_id IN (
            SELECT party.id FROM parties_party AS party
            WHERE party.erased_at IS NOT NULL AND party.id > %(after)s::uuid AND party.id <= %(upto)s::uuid
        ) AS erased
    FROM line
),
asked AS MATERIALIZED (
    SELECT
        array_agg(due.id) AS lines,
        array_agg(encode(
            substring(uuid_send(due.id) FROM 1 FOR 6)
            || substring(set_byte(
                set_byte(due.digest, 6, get_byte(due.digest, 6) & 15 | 112), 8, get_byte(due.digest, 8) & 63 | 128
            ) FROM 7 FOR 10), 'hex'
        )::uuid) AS ids,
        array_agg(due.party_id) AS holders,
        array_agg(due.amount_minor) AS amounts
    FROM (
        SELECT
            due.id, due.party_id, due.amount_minor,
            sha256(convert_to(encode(uuid_send(due.id), 'hex') || chr(31) || 'disburse', 'UTF8')) AS digest
        FROM due
        WHERE NOT due.erased
        OFFSET 0 -- So that a digest is taken once for each line.
    ) AS due
),
answered AS MATERIALIZED (
    SELECT
        said.outcome, said.account_id, said.available_minor, said.asked_minor,
        asked.ids[said.place] AS transfer_id, asked.lines[said.place] AS line, asked.amounts[said.place] AS amount_minor,
        -- A purse that is closed or full is its household's own matter.
        said.outcome IN ('account-not-open', 'ceiling-reached') AND said.account_id <> %(escrow)s AS of_the_purse
    FROM asked
    CROSS JOIN LATERAL ledger.disburse(
        %(town_id)s::integer, %(escrow)s::integer, %(fund_id)s::uuid, %(unit)s::text, %(at)s::timestamptz,
        %(actor)s::text, 'cycle:' || %(cycle_id)s::uuid, asked.ids, asked.holders, asked.amounts
    ) AS said
    WHERE said.outcome <> 'replayed'
),
unpaid AS MATERIALIZED (
    SELECT answered.line, answered.amount_minor, 'ledger.' || answered.outcome AS code FROM answered
    UNION ALL
    SELECT due.id, due.amount_minor, 'entitlement.household-erased' FROM due WHERE due.erased
),
failed AS (
    INSERT INTO programmes_failure (entitlement_id, cycle_id, code, again)
    SELECT unpaid.line, %(cycle_id)s, unpaid.code, FALSE FROM unpaid
    ON CONFLICT (entitlement_id) DO UPDATE SET code = excluded.code, again = FALSE
),
mended AS (
    DELETE FROM programmes_failure AS failure
    USING due
    WHERE
        %(again)s::boolean AND failure.entitlement_id = due.id
        AND failure.entitlement_id NOT IN (SELECT unpaid.line FROM unpaid)
),
given AS (SELECT count(*)::integer AS lines, coalesce(sum(amount_minor), 0)::bigint AS minor FROM due),
kept AS (SELECT count(*)::integer AS lines, coalesce(sum(amount_minor), 0)::bigint AS minor FROM unpaid)
SELECT
    given.lines, (SELECT due.party_id FROM due ORDER BY due.party_id DESC LIMIT 1) AS upto,
    given.lines - kept.lines AS paid, given.minor - kept.minor AS paid_minor, kept.lines AS failed,
    stopping.outcome, stopping.transfer_id, stopping.account_id, stopping.available_minor, stopping.asked_minor
FROM given
CROSS JOIN kept
LEFT JOIN LATERAL (
    SELECT answered.outcome, answered.transfer_id, answered.account_id, answered.available_minor, answered.asked_minor
    FROM answered
    WHERE NOT answered.of_the_purse
    LIMIT 1
) AS stopping ON true;
