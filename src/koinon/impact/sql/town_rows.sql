-- The movements of a town that may touch circulation, in the order of the books, for COPY (FORMAT binary).
--
-- town_id    integer
-- seq_from   bigint  included
-- seq_to     bigint  excluded: the end of what is sealed, below which no row can appear any more
-- time_zone  text    the town's, by which months begin
--
-- happened_at is when a movement says that it happened, or when it was sealed where that lies ahead of the clock; a
-- demonstration lives ahead of every clock. month is YYYYMM of what left an escrow: the month of its cycle, or the local
-- month of its day; 0 elsewhere. Every column has one width and is never NULL: a row is always as many bytes. No lock:
-- sealed rows do not change.
SELECT
    line.seq, clock.happened_at, line.amount_minor, line.debit_account, line.credit_account,
    CASE
        WHEN paying.kind <> 'escrow' THEN 0
        ELSE coalesce(replace(cycle.month, '-', '')::integer,
                      to_char(clock.happened_at AT TIME ZONE %(time_zone)s, 'YYYYMM')::integer)
    END::integer AS month,
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
INNER JOIN ledger.code AS code ON code.number = line.code
INNER JOIN ledger.account AS paying ON paying.town_id = line.town_id AND paying.id = line.debit_account
LEFT JOIN programmes_cycle AS cycle
    ON code.name = 'disburse'
    AND cycle.id = CASE
        WHEN line.reference ~ '^cycle:[0-9a-f-]{36}$' THEN substring(line.reference FROM 7)::uuid
    END
WHERE line.town_id = %(town_id)s
  AND line.seq >= %(seq_from)s
  AND line.seq < %(seq_to)s
  AND line.kind NOT IN ('h', 'g')
  AND code.name NOT IN ('receive', 'withdraw', 'issue', 'unissue', 'payout', 'exchange')
ORDER BY line.seq
