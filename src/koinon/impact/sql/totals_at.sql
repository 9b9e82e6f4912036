-- A town's units as they stood at an instant, by effective_at, in minor units. Locks nothing.
--
-- town_id  integer
-- until    timestamptz  excluded
--
-- One row. Flows are counted by code, a reversal against its original's code; what is
-- outstanding is counted apart from them, from the accounts that the transfers touched:
-- issued = redeemed + expired + outstanding is a fact of the books and not of this query.
WITH moved AS (
    SELECT
        t.code, t.debit_kind, t.credit_kind, t.between_two,
        sum(t.amount_minor) AS minor,
        sum(t.net_minor) AS net
    FROM impact.payment AS t
    WHERE t.town_id = %(town_id)s AND t.effective_at < %(until)s
    GROUP BY t.code, t.debit_kind, t.credit_kind, t.between_two
)

SELECT
    coalesce(sum(CASE code WHEN 'issue' THEN net WHEN 'unissue' THEN -net END), 0)::bigint AS issued,
    coalesce(sum(net) FILTER (WHERE code = 'pay' AND between_two), 0)::bigint AS paid,
    coalesce(sum(net) FILTER (WHERE code = 'redeem'), 0)::bigint AS redeemed,
    coalesce(sum(net) FILTER (WHERE code = 'expire'), 0)::bigint AS expired,
    (
        coalesce(sum(minor) FILTER (WHERE credit_kind IN ('escrow', 'purse', 'till', 'clearing')), 0)
        - coalesce(sum(minor) FILTER (WHERE debit_kind IN ('escrow', 'purse', 'till', 'clearing')), 0)
    )::bigint AS outstanding,
    (
        coalesce(sum(minor) FILTER (WHERE credit_kind = 'redemption'), 0)
        - coalesce(sum(minor) FILTER (WHERE debit_kind = 'redemption'), 0)
    )::bigint AS owed,
    (
        coalesce(sum(minor) FILTER (WHERE debit_kind = 'issuance'), 0)
        - coalesce(sum(minor) FILTER (WHERE credit_kind = 'issuance'), 0)
    )::bigint AS reserve
FROM moved;
