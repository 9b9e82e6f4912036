-- Who held the town's units at two instants, by effective_at, in minor units. Locks nothing.
--
-- town_id  integer
-- start    timestamptz  excluded: what is called before
-- until    timestamptz  excluded, later than start: what is called after
--
-- One row for each instant, the first one first: town is escrows (issued and not yet handed out), residents are purses, and
-- tills are businesses. The three are all that is outstanding, except what a set-off holds under way. One walk through
-- the books serves both.
WITH moved AS (
    SELECT
        t.debit_account, t.credit_account, sum(t.amount_minor) AS after_minor,
        coalesce(sum(t.amount_minor) FILTER (WHERE t.effective_at < %(start)s), 0) AS before_minor
    FROM ledger.transfer AS t
    WHERE t.town_id = %(town_id)s AND t.effective_at < %(until)s
    GROUP BY t.debit_account, t.credit_account
),

standing AS (
    SELECT m.credit_account AS account, m.before_minor, m.after_minor FROM moved AS m
    UNION ALL
    SELECT m.debit_account, -m.before_minor, -m.after_minor FROM moved AS m
),

held AS (
    SELECT a.kind, sum(s.before_minor) AS before_minor, sum(s.after_minor) AS after_minor
    FROM standing AS s
    INNER JOIN ledger.account AS a ON a.town_id = %(town_id)s AND a.id = s.account
    GROUP BY a.kind
)

SELECT
    coalesce(sum(told.minor) FILTER (WHERE h.kind = 'escrow'), 0)::bigint AS town,
    coalesce(sum(told.minor) FILTER (WHERE h.kind = 'purse'), 0)::bigint AS residents,
    coalesce(sum(told.minor) FILTER (WHERE h.kind = 'till'), 0)::bigint AS businesses
FROM (VALUES (1), (2)) AS instant (place)
LEFT JOIN held AS h ON TRUE
LEFT JOIN LATERAL (
    SELECT CASE instant.place WHEN 1 THEN h.before_minor ELSE h.after_minor END AS minor
) AS told ON TRUE
GROUP BY instant.place
ORDER BY instant.place;
