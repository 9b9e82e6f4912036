-- What came into the purses of each fund since its first unit, and where it is.
--
-- town_id  integer
-- until    timestamptz  excluded
--
-- One row a fund that has purses with movements, by its code; net of reversals. given holds payments received in the
-- fund's units as well as what the town gave. given = spent + expired + held, where held is what the purses had at
-- until. Free money (purses without a fund) is not in it. No lock.
WITH purse AS (
    SELECT a.id, a.fund FROM ledger.account AS a
    WHERE a.town_id = %(town_id)s AND a.kind = 'purse' AND a.fund IS NOT NULL
),

moved AS (
    SELECT p.fund, t.code, t.kind IN ('r', 'R') AS undone, true AS came_in, sum(t.amount_minor) AS minor
    FROM ledger.transfer AS t
    INNER JOIN purse AS p ON p.id = t.credit_account
    WHERE t.town_id = %(town_id)s AND t.effective_at < %(until)s
    GROUP BY 1, 2, 3
    UNION ALL
    SELECT p.fund, t.code, t.kind IN ('r', 'R') AS undone, false AS came_in, sum(t.amount_minor) AS minor
    FROM ledger.transfer AS t
    INNER JOIN purse AS p ON p.id = t.debit_account
    WHERE t.town_id = %(town_id)s AND t.effective_at < %(until)s
    GROUP BY 1, 2, 3
)

SELECT
    m.fund,
    f.code,
    f.name,
    coalesce(sum(CASE WHEN m.undone THEN -m.minor ELSE m.minor END) FILTER (WHERE m.came_in <> m.undone), 0)::bigint
        AS given,
    coalesce(sum(CASE WHEN m.undone THEN -m.minor ELSE m.minor END)
        FILTER (WHERE m.came_in = m.undone AND m.code <> 'expire'), 0)::bigint AS spent,
    coalesce(sum(CASE WHEN m.undone THEN -m.minor ELSE m.minor END)
        FILTER (WHERE m.came_in = m.undone AND m.code = 'expire'), 0)::bigint AS expired,
    sum(CASE WHEN m.came_in THEN m.minor ELSE -m.minor END)::bigint AS held
FROM moved AS m
INNER JOIN programmes_fund AS f ON f.id = m.fund
GROUP BY m.fund, f.code, f.name
ORDER BY f.code;
