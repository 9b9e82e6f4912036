-- Invariant: the euros the books say are in the bank are those received, less those withdrawn and those paid
-- to businesses; and what the books owe businesses is what their requests say and no payment has paid.
-- Returns the towns that break it; an empty answer is a pass.
WITH books AS (
    SELECT
        a.town_id,
        -sum(a.credits_posted - a.debits_posted) FILTER (WHERE a.kind = 'issuance') AS held_minor,
        sum(a.credits_posted - a.debits_posted) FILTER (WHERE a.kind = 'redemption') AS owed_minor
    FROM ledger.account AS a
    WHERE a.kind IN ('issuance', 'redemption')
    GROUP BY a.town_id
),

received AS (
    SELECT r.town_id, sum(CASE r.direction WHEN 'received' THEN r.amount_minor ELSE -r.amount_minor END) AS minor
    FROM treasury.receipt AS r
    GROUP BY r.town_id
),

requested AS (
    SELECT r.town_id, sum(r.amount_minor) AS minor
    FROM treasury.redemption AS r
    WHERE r.undone_at IS NULL
    GROUP BY r.town_id
),

paid AS (
    SELECT p.town_id, sum(p.amount_minor) AS minor FROM treasury.payment AS p WHERE p.state = 'paid' GROUP BY p.town_id
)

SELECT
    towns.town_id,
    coalesce(books.held_minor, 0) AS held_by_the_books,
    coalesce(received.minor, 0) - coalesce(paid.minor, 0) AS held_by_the_treasury,
    coalesce(books.owed_minor, 0) AS owed_by_the_books,
    coalesce(requested.minor, 0) - coalesce(paid.minor, 0) AS owed_by_the_treasury
FROM (
    SELECT b.town_id FROM books AS b
    UNION SELECT r.town_id FROM received AS r
    UNION SELECT q.town_id FROM requested AS q
) AS towns
LEFT JOIN books ON books.town_id = towns.town_id
LEFT JOIN received ON received.town_id = towns.town_id
LEFT JOIN requested ON requested.town_id = towns.town_id
LEFT JOIN paid ON paid.town_id = towns.town_id
WHERE
    coalesce(books.held_minor, 0) <> coalesce(received.minor, 0) - coalesce(paid.minor, 0)
    OR coalesce(books.owed_minor, 0) <> coalesce(requested.minor, 0) - coalesce(paid.minor, 0);
