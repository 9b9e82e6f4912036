-- An account's newest movements, or those before a given one.
--
-- town_id  integer
-- account  bigint
-- before   uuid or null   show movements older than this transfer (keyset paging)
-- size     integer        how many at the most
--
-- Two index scans, each cut at the page's size, then merged: the cost does not grow with the history.
SELECT t.id AS transfer_id, t.counterparty, t.signed_minor, acc.unit, t.code, t.effective_at, t.posted_at, t.reference,
       t.group_id, t.reverses
FROM (
    (SELECT id, debit_account AS counterparty, amount_minor AS signed_minor, code, effective_at, posted_at, reference,
            group_id, reverses
     FROM ledger.transfer
     WHERE town_id = %(town_id)s AND credit_account = %(account)s
       AND (%(before)s::uuid IS NULL OR id < %(before)s::uuid)
     ORDER BY id DESC LIMIT %(size)s)
    UNION ALL
    (SELECT id, credit_account, -amount_minor, code, effective_at, posted_at, reference, group_id, reverses
     FROM ledger.transfer
     WHERE town_id = %(town_id)s AND debit_account = %(account)s
       AND (%(before)s::uuid IS NULL OR id < %(before)s::uuid)
     ORDER BY id DESC LIMIT %(size)s)
) AS t
INNER JOIN ledger.account AS acc ON acc.town_id = %(town_id)s AND acc.id = %(account)s
ORDER BY t.id DESC
LIMIT %(size)s;
