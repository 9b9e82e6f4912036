-- The movements of a town that may touch circulation, in the order of the books, for COPY (FORMAT binary).
--
-- town_id    integer
-- seq_from   bigint  included
-- seq_to     bigint  excluded: the end of what is sealed, below which no row can appear any more
-- time_zone  text    the town's, by which months begin
--
-- happened_at is when a movement says it happened, or when it was sealed where that lies in the future; a demonstration
-- lives ahead of every clock. month is YYYYMM of what left an escrow: the month of its cycle, or the local month of
-- its day; 0 elsewhere. Every column has one width and is never NULL: a row is always as many bytes. No lock: sealed rows
-- do not change.
SELECT
    line.seq, line.happened_at, line.amount_minor, line.debit_account, line.credit_account,
    CASE
        WHEN paying.kind <> 'escrow' THEN 0
        ELSE coalesce(replace(cycle.month, '-', '')::integer,
                      to_char(line.happened_at AT TIME ZONE %(time_zone)s, 'YYYYMM')::integer)
    END::integer AS month,
    (line.kind IN ('r', 'R'))::boolean AS undoes
FROM (
    SELECT
        one.*,
        CASE WHEN town.demonstrated_until IS NULL THEN one.happened_at ELSE one.effective_at END AS happened_at
