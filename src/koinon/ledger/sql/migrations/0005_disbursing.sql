-- Disbursing: one account pays many purses in one set-based run.
SET LOCAL lock_timeout = '5s';

-- Pay the purses of many holders out of one escrow, opening those that are not there yet.
--
-- In parallel, in any order: p_id uuid [] of the transfers, p_holder uuid [] whose purse of p_fund and p_unit is paid,
-- p_amount bigint [] in minor units. A row only for each that was not simply posted, as from ledger.post.
--
-- The outcome is exactly that of ledger.open_accounts for all holders and then ledger.post with all transfers in this
-- order. Whatever is sure to be accepted is written here, in six statements for all of them; whatever is not is handed to
-- ledger.post, and everything is, where it could matter in which order they come: what may be refused, and why, is said
-- there only.
--
-- Locks as ledger.post does: the town's month (shared), then accounts by id; purses come before the escrow. Purses that
-- are opened are inserted before anything is locked. They are written once, with what they receive: nobody else can see
-- them, so their transfers are numbered before the locks are taken (batch one), those to purses that were there, which
-- anybody may have used meanwhile, after it (batch two). Had the escrow moved on between the two, the pointers of batch
-- one would point forward: then nothing of it stays, and ledger.post does it all.
CREATE FUNCTION ledger.disburse(
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
SET enable_hashjoin = off  -- Accounts are looked up one by one, by index or by place; never through the whole table.
SET enable_mergejoin = off
SET enable_seqscan = off
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
    first_one bigint;
    first_two bigint;
    -- Purses opened here (batch one) and those that were there (batch two), with the places of their transfers.
    one_place integer[]; one_account integer[]; one_seq bigint[];
    new_place integer[]; there integer[]; there_place integer[];
    two_place integer[]; two_account integer[]; two_at tid[]; two_prev bigint[]; two_seq bigint[];
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

    BEGIN
        -- Where a holder or an id comes twice, or an id may stand in an earlier month, order matters.
        IF n > (SELECT count(DISTINCT want.holder) FROM unnest(p_holder) AS want (holder))
           OR (since < month << 50 AND EXISTS (
               SELECT FROM ledger.journal AS old
               WHERE old.town_id = p_town AND old.id = ANY(p_id) AND old.seq >= since AND old.seq < month << 50
           ))
        THEN RAISE EXCEPTION 'not sure' USING ERRCODE = 'KL005'; END IF;

        -- What is looked up is kept in arrays side by side, so that nothing has to be joined again.
        SELECT
            coalesce(array_agg(want.place ORDER BY want.holder) FILTER (WHERE acc.id IS NULL AND want.amount BETWEEN 1 AND max_amount AND want.id < ahead), '{}'),
            coalesce(array_agg(acc.id ORDER BY acc.id) FILTER (WHERE acc.id IS NOT NULL), '{}'),
            coalesce(array_agg(want.place ORDER BY acc.id) FILTER (WHERE acc.id IS NOT NULL), '{}')
        INTO new_place, there, there_place
        FROM unnest(p_id, p_holder, p_amount) WITH ORDINALITY AS want (id, holder, amount, place)
        LEFT JOIN ledger.account AS acc
            ON acc.town_id = p_town AND acc.kind = 'purse' AND acc.holder = want.holder AND acc.fund = p_fund
            AND acc.unit = p_unit;

        IF new_place <> '{}' THEN
            first_one := (month << 50) + (nextval('ledger.batch_number') << 16);
            WITH opened AS (
                INSERT INTO ledger.account AS acc (town_id, id, kind, unit, holder, fund, floor_minor, ceiling_minor,
                                                   credits_posted, last_seq, opened_at, opened_by)
                SELECT p_town, nextval('ledger.purse_number'), purse, p_unit, p_holder[want.place], p_fund, 0, NULL,
                       p_amount[want.place], first_one + want.row - 1, p_effective_at, p_actor
                FROM unnest(new_place) WITH ORDINALITY AS want (place, row)
                ORDER BY want.row
                ON CONFLICT DO NOTHING
                RETURNING acc.id, acc.last_seq
            )
            SELECT array_agg(new_place[opened.last_seq - first_one + 1] ORDER BY opened.last_seq),
                   array_agg(opened.id ORDER BY opened.last_seq), array_agg(opened.last_seq ORDER BY opened.last_seq)
            INTO one_place, one_account, one_seq
            FROM opened;
            IF cardinality(one_place) IS DISTINCT FROM cardinality(new_place) THEN
                -- Somebody else has opened some of them meanwhile.
                RAISE EXCEPTION 'not sure' USING ERRCODE = 'KL005';
            END IF;
        END IF;

        IF there <> '{}' THEN
            SELECT array_agg(locked.place ORDER BY locked.id), array_agg(locked.id ORDER BY locked.id),
                   array_agg(locked.at ORDER BY locked.id), array_agg(locked.last_seq ORDER BY locked.id)
            INTO two_place, two_account, two_at, two_prev
            FROM (
                -- In the order of ids, as there is.
                SELECT there_place[row_number() OVER (ORDER BY acc.id)] AS place, acc.*
                FROM (
                    SELECT acc.ctid AS at, acc.id, acc.last_seq, acc.closed_at,
                           acc.ceiling_minor - acc.credits_posted + acc.debits_posted - acc.credits_held AS space
                    FROM ledger.account AS acc
                    WHERE acc.town_id = p_town AND acc.id = ANY(there)
                    ORDER BY acc.id FOR NO KEY UPDATE
                ) AS acc
            ) AS locked
            WHERE locked.closed_at IS NULL AND p_amount[locked.place] BETWEEN 1 AND max_amount AND p_id[locked.place] < ahead
              AND (p_amount[locked.place] <= locked.space) IS NOT FALSE;
        END IF;
        SELECT * INTO escrow FROM ledger.account WHERE town_id = p_town AND id = p_escrow FOR NO KEY UPDATE;

        -- Whether all of it is there, for then it does not matter who comes first.
        IF (escrow.kind = 'escrow' AND escrow.unit = p_unit AND escrow.closed_at IS NULL
            AND (SELECT sum(greatest(want.amount, 0)) FROM unnest(p_amount) AS want (amount))
                <= escrow.credits_posted - escrow.debits_posted - escrow.debits_held - escrow.floor_minor) IS NOT TRUE
           OR escrow.last_seq >= first_one
        THEN RAISE EXCEPTION 'not sure' USING ERRCODE = 'KL005'; END IF;

        IF two_place IS NOT NULL THEN
            first_two := (month << 50) + (nextval('ledger.batch_number') << 16);
            SELECT array_agg(first_two + row - 1 ORDER BY row) INTO two_seq
            FROM generate_series(1, cardinality(two_place)) AS row;
        END IF;
        INSERT INTO ledger.journal (seq, amount_minor, effective_at, posted_at, debit_prev, credit_prev, town_id,
                                    debit_account, credit_account, actor, code, leg, legs, kind, id, reference)
        SELECT line.seq, p_amount[line.place], p_effective_at, clock, lag(line.seq, 1, escrow.last_seq) OVER (ORDER BY line.seq),
               line.prev, p_town, p_escrow, line.account, actor, code, 0, 1, transfer, p_id[line.place], reference
        FROM (
            SELECT opened.place, opened.account, opened.seq, 0::bigint AS prev
            FROM unnest(one_place, one_account, one_seq) AS opened (place, account, seq)
            UNION ALL
            SELECT known.place, known.account, known.seq, known.prev
            FROM unnest(two_place, two_account, two_seq, two_prev) AS known (place, account, seq, prev)
        ) AS line
        ORDER BY p_id[line.place];
        UPDATE ledger.account AS acc
        SET credits_posted = acc.credits_posted + slot.amount, last_seq = slot.seq
        FROM (
            SELECT known.at, known.account, known.seq, p_amount[known.place] AS amount
            FROM unnest(two_place, two_at, two_account, two_seq) AS known (place, at, account, seq)
        ) AS slot
        WHERE acc.ctid = slot.at AND acc.town_id = p_town AND acc.id = slot.account;  -- Locked, so it has not moved.
        UPDATE ledger.account AS acc
        SET debits_posted = acc.debits_posted + moved.minor, last_seq = moved.newest
        FROM (
            SELECT sum(p_amount[line.place])::bigint AS minor, max(line.seq) AS newest
            FROM unnest(one_place || two_place, one_seq || two_seq) AS line (place, seq)
        ) AS moved
        WHERE acc.town_id = p_town AND acc.id = p_escrow AND moved.minor IS NOT NULL;
        IF cardinality(one_place) > (SELECT rel.reltuples FROM pg_class AS rel WHERE rel.oid = 'ledger.account'::regclass) THEN
            -- The books have more than doubled. Until the planner knows, it takes any index for as good as any other.
            ANALYZE (SKIP_LOCKED) ledger.account;
        END IF;
        IF coalesce(cardinality(one_place), 0) + coalesce(cardinality(two_place), 0) = n THEN RETURN; END IF;
        SELECT array_agg(left_over.place ORDER BY left_over.place) INTO unsure
        FROM (
            SELECT generate_series(1, n) AS place
            EXCEPT SELECT unnest(one_place || two_place)
        ) AS left_over;
    EXCEPTION WHEN SQLSTATE 'KL005' OR unique_violation THEN
        SELECT array_agg(place) INTO unsure FROM generate_series(1, n) AS place;
    END;

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
COMMENT ON FUNCTION ledger.disburse IS 'Pay many purses out of one escrow: the same as ledger.open_accounts and ledger.post, sooner.';

REVOKE EXECUTE ON FUNCTION ledger.disburse FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.disburse TO koinon_app;
