-- Pay the due lines of a cycle after one party and up to another: purses opened, units moved, lines settled, all of it here.
--
-- town_id integer, cycle_id uuid, fund_id uuid, unit text, escrow integer
-- after uuid, upto uuid  parties: from the first, not included, to the second, included
-- at timestamptz         when the transfers count
-- actor text
--
-- One row: how many lines there were, how many are paid and how much that is, how many failed; and, where something other than
-- a household's own purse stood in the way, what the first such transfer met: nothing may stay then.
--
-- The id of a transfer is what koinon.kernel.identifiers.id_under makes of the line's id and 'disburse'.
--
-- Whatever the planner believes of how many there are, nothing here can go through a whole table: everything is a range of one
-- index, or is looked up one by one.
--
-- Nothing leaves the server: memory does not grow with the list. Locks what ledger.disburse locks; whoever calls holds the cycle.
WITH due AS MATERIALIZED (
    SELECT
        entitlement.id::text AS line, entitlement.party_id, entitlement.amount_minor,
        (SELECT party.erased_at IS NOT NULL FROM parties_party AS party WHERE party.id = entitlement.party_id) AS erased,
        encode(sha256(convert_to(encode(uuid_send(entitlement.id), 'hex') || chr(31) || 'disburse', 'UTF8')), 'hex') AS digest
    FROM programmes_entitlement AS entitlement
    WHERE
        entitlement.cycle_id = %(cycle_id)s AND entitlement.state = 'due'
        AND entitlement.party_id > %(after)s AND entitlement.party_id <= %(upto)s
),
asked AS MATERIALIZED (
    SELECT
        array_agg((
            left(due.line, 13) || '7' || substr(due.digest, 14, 3)
            || translate(substr(due.digest, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab') || substr(due.digest, 18, 15)
        )::uuid ORDER BY due.party_id) AS ids,
        array_agg(due.party_id ORDER BY due.party_id) AS holders,
        array_agg(due.amount_minor ORDER BY due.party_id) AS amounts
    FROM due
    WHERE NOT due.erased
),
answered AS MATERIALIZED (
    SELECT
        said.outcome, said.account_id, said.available_minor, said.asked_minor,
        asked.ids[said.place] AS transfer_id, asked.holders[said.place] AS party_id,
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
    SELECT answered.party_id, 'ledger.' || answered.outcome AS failure FROM answered
    UNION ALL
    SELECT due.party_id, 'entitlement.household-erased' FROM due WHERE due.erased
),
failed AS (
    UPDATE programmes_entitlement AS entitlement
    SET state = 'failed', failure = unpaid.failure
    FROM unpaid
    WHERE
        entitlement.cycle_id = %(cycle_id)s AND entitlement.party_id = unpaid.party_id
        AND entitlement.party_id > %(after)s AND entitlement.party_id <= %(upto)s
    RETURNING entitlement.id
),
paid AS (
    UPDATE programmes_entitlement AS entitlement
    SET state = 'paid'
    WHERE
        entitlement.cycle_id = %(cycle_id)s AND entitlement.state = 'due'
        AND entitlement.party_id > %(after)s AND entitlement.party_id <= %(upto)s
        AND entitlement.party_id NOT IN (SELECT unpaid.party_id FROM unpaid)
    RETURNING entitlement.amount_minor
),
settled AS (SELECT count(*)::integer AS paid, coalesce(sum(amount_minor), 0)::bigint AS minor FROM paid)
SELECT
    (SELECT count(*)::integer FROM due) AS lines, settled.paid, settled.minor AS paid_minor,
    (SELECT count(*)::integer FROM failed) AS failed,
    stopping.outcome, stopping.transfer_id, stopping.account_id, stopping.available_minor, stopping.asked_minor
FROM settled
LEFT JOIN LATERAL (
    SELECT answered.outcome, answered.transfer_id, answered.account_id, answered.available_minor, answered.asked_minor
    FROM answered
    WHERE NOT answered.of_the_purse
    LIMIT 1
) AS stopping ON true;
