-- Invariant: what a voucher says was paid or covered is in the books, to its shop, and the other way round; what covers it was issued for it out of its fund, and what came back went there.
-- Returns the vouchers that break it; an empty answer is a pass.
WITH moved AS (
    SELECT
        t.town_id, t.reference,
        coalesce(sum(t.amount_minor) FILTER (WHERE t.code = 'pay' AND t.reverses IS NULL), 0) AS paid,
        coalesce(sum(t.amount_minor) FILTER (WHERE t.code = 'issue' AND t.reverses IS NULL), 0) AS issued,
        coalesce(sum(t.amount_minor) FILTER (WHERE t.code = 'cover' AND t.reverses IS NULL), 0) AS covered,
        coalesce(sum(t.amount_minor) FILTER (WHERE t.code = 'cover' AND t.reverses IS NOT NULL), 0) AS returned,
        coalesce(sum(t.amount_minor) FILTER (WHERE t.code = 'issue' AND t.reverses IS NOT NULL), 0) AS unissued,
        bool_or(t.code NOT IN ('pay', 'issue', 'cover')) AS odd,
        min(credit.holder::text) FILTER (WHERE t.code IN ('pay', 'cover') AND t.reverses IS NULL) AS shop,
        max(credit.holder::text) FILTER (WHERE t.code IN ('pay', 'cover') AND t.reverses IS NULL) AS shop_too,
        min(debit.fund::text) FILTER (WHERE t.code IN ('issue', 'cover') AND t.reverses IS NULL) AS fund,
        max(debit.fund::text) FILTER (WHERE t.code IN ('issue', 'cover') AND t.reverses IS NULL) AS fund_too
    FROM ledger.transfer AS t
    INNER JOIN ledger.account AS debit ON debit.town_id = t.town_id AND debit.id = t.debit_account
    INNER JOIN ledger.account AS credit ON credit.town_id = t.town_id AND credit.id = t.credit_account
    WHERE starts_with(t.reference, 'voucher:') OR t.code = 'cover'
    GROUP BY t.town_id, t.reference
)
SELECT
    coalesce(v.town_id, moved.town_id) AS town_id, v.id AS voucher_id, moved.reference,
    v.paid_minor, moved.paid AS paid_in_books, v.covered_minor, moved.covered AS covered_in_books, moved.issued
FROM offline.voucher AS v
FULL JOIN moved ON moved.town_id = v.town_id AND moved.reference = 'voucher:' || v.id
WHERE
    (v.id IS NULL AND moved.reference IS NOT NULL)
    OR v.paid_minor <> coalesce(moved.paid, 0)
    OR v.covered_minor <> coalesce(moved.covered, 0)
    OR v.covered_minor <> coalesce(moved.issued, 0)
    OR v.returned_minor <> coalesce(moved.returned, 0)
    OR v.returned_minor <> coalesce(moved.unissued, 0)
    OR moved.odd
    OR (moved.shop IS NOT NULL AND (moved.shop <> v.party::text OR moved.shop_too <> v.party::text))
    OR (moved.fund IS NOT NULL AND (moved.fund IS DISTINCT FROM v.fund_id::text OR moved.fund_too <> v.fund_id::text));
