-- The movements of a town's units in a stretch of its books, in their order, for COPY (FORMAT binary).
--
-- town_id   integer
-- unit      text    the town's: hours of a time bank are no units
-- seq_from  bigint  included
-- seq_to    bigint  excluded, at most the end of what is sealed
--
-- happened_at is when a movement happened as following believes it (town_rows.sql): a day that lies ahead of the clock is
-- that of its sealing, but in a demonstration, which lives ahead of every clock. cycle is YYYYMM of the month of the cycle
-- that gave the units out, 0 where there was none. purchase is the same for all transfers that settled one purchase.
-- original is the seq of what a reversal undoes, 0 elsewhere. Every column has one width and is never NULL: a row is always
-- as many bytes. No lock: sealed rows do not change.
SELECT
    line.seq, clock.happened_at, line.amount_minor, line.seq - line.leg AS purchase,
    CASE WHEN line.kind IN ('r', 'R') THEN coalesce(target.target_seq, 0) ELSE 0 END AS original,
    line.debit_account, line.credit_account,
    coalesce(replace(cycle.month, '-', '')::integer, 0) AS cycle,
    line.code,
    (line.kind IN ('r', 'R'))::boolean AS undoes
FROM impact.line AS line
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN (SELECT town.demonstrated_until FROM parties_town AS town WHERE town.id = %(town_id)s) IS NULL
                THEN line.happened_at
            ELSE line.effective_at
        END AS happened_at
) AS clock
INNER JOIN ledger.account AS paying ON paying.town_id = line.town_id AND paying.id = line.debit_account
LEFT JOIN ledger.code AS code ON code.number = line.code
LEFT JOIN ledger.target AS target
    ON line.kind IN ('r', 'R') AND target.town_id = line.town_id AND target.seq = line.seq
LEFT JOIN programmes_cycle AS cycle
    ON code.name = 'disburse'
    AND cycle.id = CASE
        WHEN line.reference ~ '^cycle:[0-9a-f-]{36}$' THEN substring(line.reference FROM 7)::uuid
    END
WHERE line.town_id = %(town_id)s
  AND line.seq >= %(seq_from)s
  AND line.seq < %(seq_to)s
  AND line.kind NOT IN ('h', 'g')
  AND paying.unit = %(unit)s
ORDER BY line.seq
