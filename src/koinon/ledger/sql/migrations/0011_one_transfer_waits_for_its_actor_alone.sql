-- A transfer that stands alone locks no account before its actor has a number.
SET LOCAL lock_timeout = '5s';

-- Post one transfer that stands alone, in one statement where nothing is in its way.
--
-- The plain case is nearly all there is when few pay at a time, and PL/pgSQL prepares every expression anew in each
-- transaction: so here are as few as can be. The statement writes only where the transfer is sure to be accepted, and
-- an id that is sure to be fresh unless the unique index objects. In all other cases it writes nothing, and
-- ledger.post decides: what may be posted, and why not, is said there only.
--
-- Locks as ledger.post does, and nothing where the actor has no number yet: whoever gives it that number in this moment
-- may be about to lock the same accounts. That the accounts' rows may have changed while they were waited for is no
-- harm: PostgreSQL reads locked and updated rows again, and nothing else that the statement reads can change in a
-- month's time.
CREATE OR REPLACE FUNCTION ledger.post_one(
    p_town integer,
    p_id uuid,
    p_debit integer,
    p_credit integer,
    p_amount bigint,
    p_unit text,
    p_code text,
    p_effective_at timestamptz,
    p_actor text,
    p_reference text
) RETURNS TABLE (place integer, outcome text, account_id integer, available_minor bigint, asked_minor bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    moved integer;
    dummy text;
BEGIN
    dummy := pg_advisory_xact_lock_shared(19276, p_town)::text;
    WITH locked AS MATERIALIZED (
        SELECT acc.id, acc.kind, acc.unit, acc.closed_at, acc.last_seq, acc.debits_posted, acc.credits_posted,
               acc.debits_held, acc.credits_held,
               acc.credits_posted - acc.debits_posted - acc.debits_held - acc.floor_minor AS room,
               acc.ceiling_minor - acc.credits_posted + acc.debits_posted - acc.credits_held AS space
        FROM ledger.account AS acc
        WHERE acc.town_id = p_town AND acc.id IN (p_debit, p_credit)
          AND EXISTS (SELECT FROM ledger.actor AS known WHERE known.town_id = p_town AND known.name = p_actor)
        ORDER BY acc.id FOR NO KEY UPDATE
    ), written AS (
        INSERT INTO ledger.journal (seq, amount_minor, effective_at, posted_at, debit_prev, credit_prev, town_id,
                                    debit_account, credit_account, actor, code, leg, legs, kind, id, reference)
        SELECT (per.month::bigint << 50) + (nextval('ledger.batch_number') << 16), p_amount, p_effective_at, now_is.clock,
               debit.last_seq, credit.last_seq, p_town, p_debit, p_credit, act.number, code.number, 0, 1, 't', p_id,
               p_reference
        FROM locked AS debit
        INNER JOIN locked AS credit ON credit.id = p_credit
        INNER JOIN ledger.route AS route
            ON route.code = p_code AND route.debit_kind = debit.kind AND route.credit_kind = credit.kind
        INNER JOIN ledger.code AS code ON code.name = p_code
        INNER JOIN ledger.actor AS act ON act.town_id = p_town AND act.name = p_actor
        CROSS JOIN (
            SELECT max(month) AS month, max(began_at) AS began_at, count(*) = 1 AS is_first
            FROM ledger.period WHERE town_id = p_town
        ) AS per
        CROSS JOIN (SELECT clock_timestamp() AS clock, extract(epoch FROM clock_timestamp()) AS seconds) AS now_is
        WHERE debit.id = p_debit AND p_debit <> p_credit
          AND p_amount BETWEEN 1 AND 1000000000000000 AND p_amount <= coalesce(debit.room, p_amount)
          AND p_amount <= coalesce(credit.space, p_amount)
          AND debit.unit = p_unit AND credit.unit = p_unit AND debit.closed_at IS NULL AND credit.closed_at IS NULL
          AND per.month = date_part('year', now_is.clock AT TIME ZONE 'UTC') * 12
                          + date_part('month', now_is.clock AT TIME ZONE 'UTC') - 23641
          -- Its time, if it has one, is neither to come nor that of an earlier month.
          AND p_id < (lpad(to_hex((now_is.seconds * 1000)::bigint + 86400000), 12, '0') || '70008000000000000000')::uuid
          AND (per.is_first OR (
              get_byte(uuid_send(p_id), 6) >> 4 = 7
              AND p_id >= (lpad(to_hex((extract(epoch FROM per.began_at) * 1000)::bigint + 86400001), 12, '0')
                           || '70008000000000000000')::uuid
          ))
          AND isfinite(p_effective_at) AND p_reference IS NOT NULL
        ON CONFLICT DO NOTHING
        RETURNING seq
    )
    UPDATE ledger.account AS acc
    -- From the locked rows: constraints are checked before PostgreSQL notices that the row it found has changed since.
    SET debits_posted = was.debits_posted + CASE WHEN acc.id = p_debit THEN p_amount ELSE 0 END,
        credits_posted = was.credits_posted + CASE WHEN acc.id = p_credit THEN p_amount ELSE 0 END,
        debits_held = was.debits_held, credits_held = was.credits_held, last_seq = written.seq
    FROM written CROSS JOIN locked AS was
    WHERE acc.town_id = p_town AND acc.id = was.id;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved = 0 THEN
        RETURN QUERY SELECT * FROM ledger.post(
            p_town, ARRAY[p_id], ARRAY[p_debit], ARRAY[p_credit], ARRAY[p_amount], '{1}', ARRAY[p_unit], ARRAY[p_code],
            '{NULL}', '{0}', ARRAY[p_effective_at], '{NULL}', ARRAY[p_actor], ARRAY[p_reference]
        );
    END IF;
END $$;
COMMENT ON FUNCTION ledger.post_one IS 'Post one plain transfer; the same as ledger.post with a batch of one, sooner.';
