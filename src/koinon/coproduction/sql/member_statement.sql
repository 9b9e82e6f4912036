-- A member's newest lines, with what they had after each. Locks nothing.
--
-- town_id integer, account integer, size integer
--
-- Walks the pointers in the account's rows, newest first.
WITH RECURSIVE walk AS (
    SELECT line.*, 1 AS place, (acc.credits_posted - acc.debits_posted)::bigint AS balance
    FROM ledger.account AS acc
    INNER JOIN ledger.journal AS line ON line.town_id = acc.town_id AND line.seq = acc.last_seq
    WHERE acc.town_id = %(town_id)s AND acc.id = %(account)s
    UNION ALL
    SELECT
        earlier.*, walk.place + 1,
        (walk.balance + CASE WHEN walk.debit_account = %(account)s THEN walk.amount_minor ELSE -walk.amount_minor END)::bigint
    FROM walk
    INNER JOIN ledger.journal AS earlier
        ON
            earlier.town_id = walk.town_id
            AND earlier.seq = CASE WHEN walk.debit_account = %(account)s THEN walk.debit_prev ELSE walk.credit_prev END
    WHERE walk.place < %(size)s
)
SELECT
    walk.id, walk.effective_at AS at,
    (CASE WHEN walk.debit_account = %(account)s THEN -walk.amount_minor ELSE walk.amount_minor END)::integer AS minutes,
    walk.balance::integer AS balance, other.number AS other, coalesce(activity.name, '') AS activity,
    walk.kind IN ('r', 'R') AS undone
FROM walk
LEFT JOIN coproduction.time_bank_member AS other
    ON
        other.town_id = walk.town_id
        AND other.account = CASE WHEN walk.debit_account = %(account)s THEN walk.credit_account ELSE walk.debit_account END
LEFT JOIN coproduction.contribution AS c
    ON c.town_id = walk.town_id AND 'activity:' || c.id = walk.reference
LEFT JOIN coproduction.activity AS activity ON activity.town_id = c.town_id AND activity.id = c.activity_id
ORDER BY walk.place;
