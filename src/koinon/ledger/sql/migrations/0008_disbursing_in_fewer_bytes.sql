-- Disbursing in fewer bytes: an index less for each account, and each purse found, changed and numbered in one go.
SET LOCAL lock_timeout = '5s';

-- Who holds what, and one account for each purpose: one index now answers both. An account that is opened is then written to
-- two indexes and not to three.
ALTER TABLE ledger.account DROP CONSTRAINT one_account_for_each_purpose;
ALTER TABLE ledger.account ADD CONSTRAINT one_account_for_each_purpose
UNIQUE NULLS NOT DISTINCT (town_id, holder, kind, fund, unit);
DROP INDEX ledger.account_by_holder;
COMMENT ON INDEX ledger.one_account_for_each_purpose IS 'Serves ledger/sql/accounts_of.sql and the look-up of purses in ledger.disburse.';
CREATE INDEX account_that_is_no_purse ON ledger.account (town_id, kind, fund) WHERE kind <> 'purse';
COMMENT ON INDEX ledger.account_that_is_no_purse IS 'Serves ledger/sql/accounts_of_kind.sql and look-ups of a fund''s reserve; nearly all accounts are purses and not in it.';

-- Put units into purses that are there, each of which must be as it was seen: open, with room, and with the same newest transfer.
--
-- In parallel, lowest id first: p_account integer [], p_at tid [] where the row was seen, p_amount bigint [],
-- p_prev bigint [] its newest transfer then, p_seq bigint [] the number of the transfer that comes now.
--
-- Answers how many were filled: the others were used, closed or filled meanwhile.
--
-- Finding, locking and changing are one statement, and locks are taken in the order asked: rows can be found by place only
-- (the settings leave the planner no other way), one after the other. A row that had to be waited for is looked at again.
CREATE FUNCTION ledger.fill_purses(
    p_town integer, p_account integer [], p_at tid [], p_amount bigint [], p_prev bigint [], p_seq bigint []
) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, ledger
SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
SET enable_indexscan = off
SET enable_indexonlyscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    filled integer;
BEGIN
    UPDATE ledger.account AS acc
    SET credits_posted = acc.credits_posted + slot.amount, last_seq = slot.seq
    FROM unnest(p_account, p_at, p_amount, p_prev, p_seq) AS slot (account, at, amount, prev, seq)
    WHERE acc.ctid = slot.at AND acc.town_id = p_town AND acc.id = slot.account AND acc.last_seq = slot.prev
      AND acc.closed_at IS NULL
      AND (slot.amount <= acc.ceiling_minor - acc.credits_posted + acc.debits_posted - acc.credits_held) IS NOT FALSE;
    GET DIAGNOSTICS filled = ROW_COUNT;
    RETURN filled;
END $$;
COMMENT ON FUNCTION ledger.fill_purses IS 'Part of ledger.disburse: put units into purses that nobody has used since they were seen.';

-- Pay the purses of many holders out of one escrow, opening those that are not there yet.
--
-- In parallel, in any order: p_id uuid [] of the transfers, p_holder uuid [] whose purse of p_fund and p_unit is paid,
-- p_amount bigint [] in minor units. A row only for each that was not simply posted, as from ledger.post.
--
-- The outcome is exactly that of ledger.open_accounts for all holders and then ledger.post with all transfers in this
-- order. Whatever is sure to be accepted is written here, in a few statements for all of them; whatever is not is handed to
-- ledger.post, and everything is, where it could matter in which order they come: what may be refused, and why, is said
-- there only.
--
-- Locks as ledger.post does: the town's month (shared), then accounts by id; purses come before the escrow. Purses that
-- are opened are inserted before anything is locked, by holder, once and with what they receive: nobody else can see them.
--
-- All transfers are numbered before the locks are taken. A purse that was there is changed only where its newest transfer is
-- still the one that was seen before the numbers were drawn (ledger.fill_purses), so that along each account they grow.
-- Where one was used meanwhile, or is closed or full, nothing stays, and all is done once more with the purses locked first; had
-- the escrow moved on between numbers and locks, ledger.post does it all.
CREATE OR REPLACE FUNCTION ledger.disburse(
    p_town integer,
    p_escrow integer,
    p_fund uuid,
    p_unit text,
    p_effective_at timestamptz,
    p_actor text,
    p_reference text,
    p_id uuid [],
    p_holder uuid [],
    p_amount bigint []
) RETURNS TABLE (place integer, outcome text, account_id integer, available_minor bigint, asked_minor bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
SET plan_cache_mode = force_custom_plan  -- How many there are decides on the plan, and planning is soon done.
SET enable_hashjoin = off  -- Accounts are looked up one by one, by index; never through the whole table.
SET enable_mergejoin = off
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
DECLARE
    n CONSTANT integer := cardinality(p_id);
    clock CONSTANT timestamptz := clock_timestamp();
    max_amount CONSTANT bigint := 1000000000000000;
    ahead CONSTANT uuid := ledger.first_id_at(clock + interval '1 day');
    month bigint;
    began timestamptz;
    actor integer;
    code smallint;
    -- Of the columns' own types: what they allow is then asked once and not for every row.
    purse CONSTANT ledger.account_kind := 'purse';
    transfer CONSTANT ledger.line_kind := 't';
    reference ledger.opaque;
    since bigint;
    problem text;
    escrow ledger.account;
    first bigint;
    careful boolean := false;  -- Whether all purses that are there are locked before they are looked at.
    held integer[];
    -- What was found for each request; how many purses are there, how many of them are filled here, how many are opened.
    f_account integer[]; f_at tid[]; f_last bigint[]; f_sure boolean[];
    there integer; filling integer; fresh integer;
    -- The purses that were there, lowest id first.
    old_place integer[]; old_account integer[]; old_at tid[]; old_amount bigint[]; old_last bigint[]; old_seq bigint[];
    -- What is written: the requests' places, purses and numbers, in the order of numbers, which has no gap.
    w_place integer[]; w_account integer[]; w_seq bigint[];
    unsure integer[];
BEGIN
    IF n IS NULL OR n = 0 THEN RETURN; END IF;
    problem := ledger.malformed(
        '{1}', p_id, '{0}', ARRAY[p_effective_at], '{NULL}', ARRAY[p_actor], ARRAY[p_reference],
        ARRAY[array_dims(p_holder), array_dims(p_amount)], ARRAY[cardinality(p_holder), cardinality(p_amount)]
    );
    IF problem IS NULL AND (p_fund IS NULL OR array_position(p_holder, NULL) IS NOT NULL) THEN
        problem := 'a fund or holder is absent';
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'the batch makes no sense: %', problem USING ERRCODE = 'KL004';
    END IF;

    reference := p_reference;
    PERFORM pg_advisory_xact_lock_shared(19276, p_town);
    PERFORM pg_current_xact_id();  -- Before the number of the batch: ledger.seal relies on it.
    SELECT max(per.month), max(per.began_at) INTO month, began FROM ledger.period AS per WHERE per.town_id = p_town;
    IF month < ledger.month_of(clock) OR month IS NULL THEN month := ledger.turn_month(p_town, ledger.month_of(clock)); END IF;
    actor := (ledger.actor_numbers(p_town, ARRAY[p_actor]))[1];
    SELECT known.number INTO code FROM ledger.code AS known WHERE known.name = 'disburse';
    since := ledger.oldest_seq(p_town, p_id);

    <<attempt>>
    LOOP
        BEGIN
            -- Where a holder or an id comes twice, or an id may stand in an earlier month, order matters.
            IF n > (SELECT count(DISTINCT want.holder) FROM unnest(p_holder) AS want (holder))
               OR (since < month << 50 AND EXISTS (
                   SELECT FROM ledger.journal AS old
                   WHERE old.town_id = p_town AND old.id = ANY(p_id) AND old.seq >= since AND old.seq < month << 50
               ))
            THEN RAISE EXCEPTION 'not sure' USING ERRCODE = 'KL005'; END IF;

            IF careful THEN
                SELECT array_agg(acc.id) INTO held
                FROM unnest(p_holder) AS want (holder)
                INNER JOIN ledger.account AS acc
                    ON acc.town_id = p_town AND acc.holder = want.holder AND acc.kind = 'purse' AND acc.fund = p_fund
                    AND acc.unit = p_unit;
                PERFORM ledger.lock_accounts(p_town, held);
            END IF;
            -- What is looked up is kept in arrays side by side, so that nothing has to be joined again.
            SELECT array_agg(found.id), array_agg(found.at), array_agg(found.last_seq), array_agg(found.sure),
                   count(found.id), count(*) FILTER (WHERE found.id IS NOT NULL AND found.sure)
            INTO f_account, f_at, f_last, f_sure, there, filling
            FROM (
                SELECT acc.id, acc.ctid AS at, acc.last_seq,
                       want.amount BETWEEN 1 AND max_amount AND want.id < ahead AND acc.closed_at IS NULL
                       AND (want.amount <= acc.ceiling_minor - acc.credits_posted + acc.debits_posted - acc.credits_held)
                           IS NOT FALSE AS sure
                FROM (SELECT unnest(p_holder) AS holder, unnest(p_amount) AS amount, unnest(p_id) AS id) AS want
                LEFT JOIN ledger.account AS acc  -- Hash and merge being off, in the order of the arrays.
                    ON acc.town_id = p_town AND acc.holder = want.holder AND acc.kind = 'purse' AND acc.fund = p_fund
                    AND acc.unit = p_unit
            ) AS found;
            IF careful AND there > coalesce(cardinality(held), 0) THEN
                RAISE EXCEPTION 'a purse was opened meanwhile' USING ERRCODE = 'KL005';
            ELSIF NOT careful AND filling < there THEN
                RAISE EXCEPTION 'a purse is closed or full' USING ERRCODE = 'KL006';
            END IF;
            first := (month << 50) + (nextval('ledger.batch_number') << 16);
            w_place := NULL; w_account := NULL; w_seq := NULL; fresh := 0;

            IF there < n THEN
                SELECT array_agg(want.place) INTO w_place
                FROM (
                    SELECT want.place
                    FROM (
                        SELECT unnest(f_account) AS account, unnest(f_sure) AS sure, unnest(p_holder) AS holder,
                               generate_series(1, n) AS place
                    ) AS want
                    WHERE want.account IS NULL AND want.sure
                    ORDER BY want.holder
                ) AS want;
                fresh := coalesce(cardinality(w_place), 0);
                SELECT array_agg(nextval('ledger.purse_number')::integer), array_agg(first + want.row - 1)
                INTO w_account, w_seq
                FROM generate_series(1, fresh) AS want (row);
                INSERT INTO ledger.account (town_id, id, kind, unit, holder, fund, floor_minor, ceiling_minor,
                                            credits_posted, last_seq, opened_at, opened_by)
                SELECT p_town, want.account, purse, p_unit, p_holder[want.place], p_fund, 0, NULL, p_amount[want.place],
                       want.seq, p_effective_at, p_actor
                FROM (SELECT unnest(w_place) AS place, unnest(w_account) AS account, unnest(w_seq) AS seq) AS want;
            END IF;

            IF filling > 0 THEN
                SELECT array_agg(want.place), array_agg(want.account), array_agg(want.at), array_agg(want.amount),
                       array_agg(want.last_seq), array_agg(first + fresh + want.row - 1)
                INTO old_place, old_account, old_at, old_amount, old_last, old_seq
                FROM (
                    SELECT want.*, row_number() OVER (ORDER BY want.account) AS row
                    FROM (
                        SELECT unnest(f_account) AS account, unnest(f_sure) AS sure, unnest(f_at) AS at,
                               unnest(p_amount) AS amount, unnest(f_last) AS last_seq, generate_series(1, n) AS place
                    ) AS want
                    WHERE want.account IS NOT NULL AND want.sure
                    ORDER BY want.account
                ) AS want;
                IF ledger.fill_purses(p_town, old_account, old_at, old_amount, old_last, old_seq) < filling THEN
                    RAISE EXCEPTION 'a purse was used meanwhile' USING ERRCODE = 'KL006';
                END IF;
                w_place := w_place || old_place;
                w_account := w_account || old_account;
                w_seq := w_seq || old_seq;
            END IF;
            SELECT * INTO escrow FROM ledger.account WHERE town_id = p_town AND id = p_escrow FOR NO KEY UPDATE;

            -- Whether all of it is there, for then it does not matter who comes first.
            IF (escrow.kind = 'escrow' AND escrow.unit = p_unit AND escrow.closed_at IS NULL AND escrow.last_seq < first
                AND (SELECT sum(greatest(want.amount, 0)) FROM unnest(p_amount) AS want (amount))
                    <= escrow.credits_posted - escrow.debits_posted - escrow.debits_held - escrow.floor_minor) IS NOT TRUE
            THEN RAISE EXCEPTION 'not sure' USING ERRCODE = 'KL005'; END IF;

            INSERT INTO ledger.journal (seq, amount_minor, effective_at, posted_at, debit_prev, credit_prev, town_id,
                                        debit_account, credit_account, actor, code, leg, legs, kind, id, reference)
            SELECT line.seq, p_amount[line.place], p_effective_at, clock,
                   CASE WHEN line.seq = first THEN escrow.last_seq ELSE line.seq - 1 END,
                   coalesce(f_last[line.place], 0), p_town, p_escrow, line.account, actor, code, 0, 1, transfer,
                   p_id[line.place], reference
            FROM (
                SELECT line.place, line.account, line.seq
                FROM (SELECT unnest(w_place) AS place, unnest(w_account) AS account, unnest(w_seq) AS seq) AS line
                ORDER BY p_id[line.place]
                OFFSET 0  -- What is sorted is narrow.
            ) AS line;
            UPDATE ledger.account AS acc
            SET debits_posted = acc.debits_posted + moved.minor, last_seq = w_seq[cardinality(w_seq)]
            FROM (SELECT sum(p_amount[line.place])::bigint AS minor FROM unnest(w_place) AS line (place)) AS moved
            WHERE acc.town_id = p_town AND acc.id = p_escrow AND moved.minor IS NOT NULL;
            IF fresh > (SELECT rel.reltuples FROM pg_class AS rel WHERE rel.oid = 'ledger.account'::regclass) THEN
                -- The books have more than doubled. Until the planner knows, it takes any index for as good as any other.
                ANALYZE (SKIP_LOCKED) ledger.account;
            END IF;
            IF cardinality(w_place) = n THEN RETURN; END IF;
            SELECT array_agg(left_over.place ORDER BY left_over.place) INTO unsure
            FROM (
                SELECT generate_series(1, n) AS place
                EXCEPT SELECT unnest(w_place)
            ) AS left_over;
            EXIT attempt;
        EXCEPTION
            WHEN SQLSTATE 'KL006' THEN
                careful := true;  -- Nothing stayed and nothing is locked: once more, with all purses locked first.
            WHEN SQLSTATE 'KL005' OR unique_violation THEN
                SELECT array_agg(want.place) INTO unsure FROM generate_series(1, n) AS want (place);
                EXIT attempt;
        END;
    END LOOP;

    RETURN QUERY
    WITH ask AS MATERIALIZED (
        SELECT (row_number() OVER (ORDER BY req.place))::integer AS row, req.place, p_id[req.place] AS id,
               p_holder[req.place] AS holder, p_amount[req.place] AS amount
        FROM unnest(unsure) AS req (place)
    ), purse AS MATERIALIZED (
        SELECT opened.id, opened.place AS row
        FROM ledger.open_accounts(
            p_town, array_fill('purse'::text, ARRAY[cardinality(unsure)]), array_fill(p_unit, ARRAY[cardinality(unsure)]),
            (SELECT array_agg(ask.holder ORDER BY ask.row) FROM ask), array_fill(p_fund, ARRAY[cardinality(unsure)]),
            array_fill(0::bigint, ARRAY[cardinality(unsure)]), array_fill(NULL::bigint, ARRAY[cardinality(unsure)]),
            p_effective_at, p_actor
        ) AS opened
    )
    SELECT unsure[said.place], said.outcome, said.account_id, said.available_minor, said.asked_minor
    FROM ledger.post(
        p_town, (SELECT array_agg(ask.id ORDER BY ask.row) FROM ask), array_fill(p_escrow, ARRAY[cardinality(unsure)]),
        (SELECT array_agg(purse.id ORDER BY purse.row) FROM purse), (SELECT array_agg(ask.amount ORDER BY ask.row) FROM ask),
        '{1}', ARRAY[p_unit], ARRAY['disburse'], '{NULL}', '{0}', ARRAY[p_effective_at], '{NULL}', ARRAY[p_actor],
        ARRAY[p_reference]
    ) AS said
    ORDER BY 1;
END $$;

REVOKE EXECUTE ON FUNCTION ledger.fill_purses FROM PUBLIC;
