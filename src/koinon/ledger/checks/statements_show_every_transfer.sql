-- Invariant: from an account's newest transfer, each one points to the one before, down to the first; none is left out.
-- Returns the accounts that break it; an empty answer is a pass.
--
-- Where every transfer points back in the books, and what is pointed at (by transfers, and by the account for its
-- newest) is all that is there, each once, the pointers form one chain through all of them. That the two are the
-- same is seen by the sums of their digests, without sorting the history.
WITH side AS (
    SELECT town_id, debit_account AS account, seq, debit_prev AS prev FROM ledger.journal WHERE kind NOT IN ('h', 'g')
    UNION ALL
    SELECT town_id, credit_account, seq, credit_prev FROM ledger.journal WHERE kind NOT IN ('h', 'g')
), walked AS (
    SELECT town_id, account, sum(hashint8extended(seq, 1)) AS transfers, sum(hashint8extended(prev, 1)) AS pointers,
           max(seq) AS newest, count(*) FILTER (WHERE prev >= seq) AS forward
    FROM side GROUP BY town_id, account
), still AS (
    SELECT town_id, id AS held_line, debit_prev, credit_prev FROM ledger.journal
    WHERE kind IN ('h', 'g') AND (debit_prev <> 0 OR credit_prev <> 0)
)
SELECT acc.town_id, acc.id AS account_id, acc.last_seq, walked.newest, walked.forward
FROM ledger.account AS acc
LEFT JOIN walked ON walked.town_id = acc.town_id AND walked.account = acc.id
WHERE acc.last_seq <> coalesce(walked.newest, 0) OR walked.forward > 0
   OR coalesce(walked.transfers, 0) + hashint8extended(0, 1)
      <> coalesce(walked.pointers, 0) + hashint8extended(acc.last_seq, 1)
UNION ALL
SELECT town_id, NULL, debit_prev, credit_prev, NULL FROM still;
