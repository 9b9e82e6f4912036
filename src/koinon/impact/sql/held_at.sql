-- Who held the town's units at an instant, by effective_at, in minor units. Locks nothing.
--
-- town_id  integer
-- until    timestamptz  excluded
--
-- One row: town is escrows (issued and not yet handed out), residents are purses, and tills
-- are businesses. The three are all that is outstanding, except what a set-off holds under way.
WITH moved AS (
    SELECT t.debit_account, t.credit_account, sum(t.amount_minor) AS minor
    FROM ledger.transfer AS t
    WHERE t.town_id = %(town_id)s AND t.effective_at < %(until)s
    GROUP BY t.debit_account, t.credit_account
),

standing AS (
    SELECT m.credit_account AS account, m.minor FROM moved AS m
    UNION ALL
    SELECT m.debit_account, -m.minor FROM moved AS m
)

SELECT
    coalesce(sum(s.minor) FILTER (WHERE a.kind = 'escrow'), 0)::bigint AS town,
    coalesce(sum(s.minor) FILTER (WHERE a.kind = 'purse'), 0)::bigint AS residents,
    coalesce(sum(s.minor) FILTER (WHERE a.kind = 'till'), 0)::bigint AS businesses
FROM standing AS s
INNER JOIN ledger.account AS a ON a.town_id = %(town_id)s AND a.id = s.account;
