-- A town's units from its transfers and accounts, in minor units. Locks nothing.
--
-- town_id integer
--
-- A reversal counts against its original's code. Movements between two residents or businesses
-- are paid; how design names the other codes stands in docs/reference/glossary.md.
WITH flow AS (
    SELECT code.name AS code, moved.minor
    FROM (
        SELECT line.code, sum(CASE WHEN line.kind IN ('r', 'R') THEN -line.amount_minor ELSE line.amount_minor END) AS minor
        FROM ledger.journal AS line WHERE line.town_id = %(town_id)s AND line.kind NOT IN ('h', 'g') GROUP BY line.code
    ) AS moved
    INNER JOIN ledger.code AS code ON code.number = moved.code
), stock AS (
    SELECT kind, sum(credits_posted - debits_posted) AS minor
    FROM ledger.account WHERE town_id = %(town_id)s GROUP BY kind
)
SELECT
    (coalesce((SELECT minor FROM flow WHERE code = 'issue'), 0)
     - coalesce((SELECT minor FROM flow WHERE code = 'unissue'), 0))::bigint AS issued,
    coalesce((SELECT minor FROM flow WHERE code = 'pay'), 0)::bigint AS paid,
    coalesce((SELECT minor FROM flow WHERE code = 'redeem'), 0)::bigint AS redeemed,
    coalesce((SELECT minor FROM flow WHERE code = 'expire'), 0)::bigint AS expired,
    coalesce((SELECT sum(minor) FROM stock WHERE kind IN ('escrow', 'purse', 'till', 'clearing')), 0)::bigint AS outstanding,
    coalesce((SELECT -minor FROM stock WHERE kind = 'issuance'), 0)::bigint AS reserve,
    coalesce((SELECT minor FROM stock WHERE kind = 'reserve'), 0)::bigint AS unissued,
    coalesce((SELECT minor FROM stock WHERE kind = 'redemption'), 0)::bigint AS owed;
