-- An account's newest movements, or those before a given one. Locks nothing.
--
-- town_id  integer
-- account  integer
-- before   uuid or null   show movements older than this transfer (keyset paging); nothing if it is not on the account
-- size     integer        how many at the most
--
-- Every transfer points to the one before it on either account, and the account to its newest: a page costs one
-- look-up in the journal's key for each movement on it, however long the history is and whoever writes meanwhile.
-- OFFSET 0 keeps the planner from joining all of the journal at once where it does not know yet how long it is.
WITH RECURSIVE acc AS (
    SELECT id, unit, last_seq FROM ledger.account WHERE town_id = %(town_id)s AND id = %(account)s
), begins AS (
    SELECT acc.last_seq AS seq FROM acc WHERE %(before)s::uuid IS NULL
    UNION ALL
    SELECT CASE WHEN shown.debit_account = acc.id THEN shown.debit_prev ELSE shown.credit_prev END
    FROM ledger.journal AS shown
    INNER JOIN acc ON acc.id IN (shown.debit_account, shown.credit_account)
    WHERE shown.town_id = %(town_id)s AND shown.id = %(before)s::uuid AND shown.kind NOT IN ('h', 'g')
      AND shown.seq >= ledger.oldest_seq(%(town_id)s, ARRAY[%(before)s::uuid])
), walk AS (
    SELECT 0 AS place, begins.seq AS prev, NULL::bigint AS seq, NULL::uuid AS id, NULL::integer AS counterparty,
           NULL::bigint AS signed_minor, NULL::smallint AS code, NULL::"char" AS kind, NULL::timestamptz AS effective_at,
           NULL::timestamptz AS posted_at, NULL::text AS reference
    FROM begins
    UNION ALL
    SELECT walk.place + 1,
           CASE WHEN line.debit_account = %(account)s THEN line.debit_prev ELSE line.credit_prev END,
           line.seq, line.id,
           CASE WHEN line.debit_account = %(account)s THEN line.credit_account ELSE line.debit_account END,
           CASE WHEN line.debit_account = %(account)s THEN -line.amount_minor ELSE line.amount_minor END,
           line.code, line.kind, line.effective_at, line.posted_at, line.reference
    FROM walk
    CROSS JOIN LATERAL (
        SELECT * FROM ledger.journal AS older WHERE older.town_id = %(town_id)s AND older.seq = walk.prev OFFSET 0
    ) AS line
    WHERE walk.place < %(size)s
)
SELECT walk.id AS transfer_id, walk.counterparty, walk.signed_minor, acc.unit, code.name AS code, walk.effective_at,
       walk.posted_at, walk.reference,
       CASE WHEN walk.kind IN ('r', 'R') THEN (
           SELECT aim.target FROM ledger.target AS aim WHERE aim.town_id = %(town_id)s AND aim.seq = walk.seq
       ) END AS reverses
FROM walk
CROSS JOIN acc
INNER JOIN ledger.code AS code ON code.number = walk.code
ORDER BY walk.place;
