-- Rows are found by the day that they name, and what the town covered of a sale by the sale.
SET LOCAL lock_timeout = '5s';

-- The books take any day, so a row of a month may have been posted in any other one. Nearly all name the day on which they
-- were posted, and stand in that order: each stretch of pages says which days are in it, a few odd ones apart from the
-- others (minmax_multi), and a month is read where it is. Nothing is written to it for a row: a stretch is looked at once
-- it is full.
CREATE INDEX journal_by_day ON ledger.journal
USING brin (town_id, effective_at timestamptz_minmax_multi_ops) WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON INDEX ledger.journal_by_day
IS 'Serves accounting/sql/journal.sql, stock.sql, took_part.sql, volume.sql and leaving.sql; months to come get it with their partition.';

-- The payment beside which the town covered the rest of a sale that a till accepted without a network; NULL where nobody paid.
--
-- p_id uuid of the transfer that covers, p_reference text which both have
--
-- Both ids were made beneath that of the sale (kernel.identifiers.id_under), so they have their first 48 bits in common: a
-- millisecond of ids is looked through, by the index of each month.
CREATE FUNCTION ledger.paid_beside(p_town integer, p_id uuid, p_reference text) RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, ledger
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    made CONSTANT text := substr(replace(p_id::text, '-', ''), 1, 12);
    since CONSTANT uuid := (made || repeat('0', 20))::uuid;
    until CONSTANT uuid := (made || repeat('f', 20))::uuid;
BEGIN
    RETURN (
        SELECT line.id FROM ledger.journal AS line
        WHERE line.town_id = p_town AND line.id BETWEEN since AND until
              AND line.code = 6 AND line.kind = 't' AND line.leg = 0 AND line.reference = p_reference
        LIMIT 1
    );
END $$;
COMMENT ON FUNCTION ledger.paid_beside IS 'The payment of a sale of which the town covered the rest: both count as one sale.';
