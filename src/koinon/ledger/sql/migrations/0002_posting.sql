-- Posting: one function, an exact batch of requests, in order.
SET LOCAL lock_timeout = '5s';

CREATE FUNCTION ledger.current_tx() RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, ledger
AS $$
    SELECT pg_current_xact_id()::text::bigint + b.base
    FROM ledger.tx_base AS b
    WHERE b.system_identifier = (SELECT c.system_identifier FROM pg_control_system() AS c)
$$;
COMMENT ON FUNCTION ledger.current_tx IS 'The number of the current transaction over the whole life of the books; NULL when ledger.adopt_cluster() was not called on this cluster.';

CREATE FUNCTION ledger.adopt_cluster() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
AS $$
DECLARE
    here bigint := (SELECT c.system_identifier FROM pg_control_system() AS c);
    found_base bigint;
    last_tx bigint;
BEGIN
    LOCK TABLE ledger.tx_base IN SHARE ROW EXCLUSIVE MODE;
    SELECT base INTO found_base FROM ledger.tx_base WHERE system_identifier = here;
    SELECT greatest((SELECT coalesce(max(tx), 0) FROM ledger.transfer),
                    (SELECT coalesce(max(tx_to), 0) FROM ledger.chain))
    INTO last_tx;
    -- Books that come back to a cluster they have lived on before find a base that is too low by now.
    IF found_base IS NULL OR found_base + pg_current_xact_id()::text::bigint <= last_tx THEN
        found_base := last_tx;
        INSERT INTO ledger.tx_base (system_identifier, base) VALUES (here, found_base)
        ON CONFLICT (system_identifier) DO UPDATE SET base = excluded.base;
    END IF;
    RETURN found_base;
END $$;
COMMENT ON FUNCTION ledger.adopt_cluster IS 'Remember this database cluster; run at every start, so that books restored on another cluster keep their order.';

-- Lock accounts until the transaction ends, lowest id first so that no two callers wait for each other in a ring.
CREATE FUNCTION ledger.lock_accounts(p_town integer, p_accounts bigint []) RETURNS bigint []
LANGUAGE plpgsql
SET search_path = pg_catalog, ledger
AS $$
BEGIN
    PERFORM 1 FROM ledger.account AS acc
    WHERE acc.town_id = p_town AND acc.id = ANY(p_accounts)
    ORDER BY acc.id FOR NO KEY UPDATE;
    RETURN p_accounts;
END $$;

-- Lock the holds that requests name, then the given accounts and those of the holds and originals they name.
--
-- While the accounts are waited for, somebody may commit a hold or transfer that a request names and
-- that was not there before. Locking it now could close a ring, so KL003 tells the caller to let
-- go and begin again.
CREATE FUNCTION ledger.lock_involved(p_town integer, p_target uuid [], p_accounts bigint []) RETURNS bigint []
LANGUAGE plpgsql
SET search_path = pg_catalog, ledger
AS $$
DECLARE
    involved bigint[];
    seen integer;
BEGIN
    PERFORM 1 FROM ledger.hold AS held
    WHERE held.town_id = p_town AND held.id = ANY(p_target)
    ORDER BY held.id FOR NO KEY UPDATE;
    GET DIAGNOSTICS seen = ROW_COUNT;

    SELECT array_agg(found.id) INTO involved FROM (
        SELECT unnest(p_accounts) AS id
        UNION SELECT unnest(ARRAY[held.debit_account, held.credit_account]) FROM ledger.hold AS held
        WHERE held.town_id = p_town AND held.id = ANY(p_target)
        UNION SELECT unnest(ARRAY[first.debit_account, first.credit_account]) FROM ledger.transfer AS first
        WHERE first.town_id = p_town AND first.id = ANY(p_target)
    ) AS found;
    PERFORM ledger.lock_accounts(p_town, involved);

    IF seen < (SELECT count(*) FROM ledger.hold AS held WHERE held.town_id = p_town AND held.id = ANY(p_target))
       OR EXISTS (
           SELECT 1 FROM ledger.transfer AS first
           WHERE first.town_id = p_town AND first.id = ANY(p_target)
             AND NOT ARRAY[first.debit_account, first.credit_account] <@ involved
       ) THEN
        RAISE EXCEPTION 'a hold or original appeared' USING ERRCODE = 'KL003';
    END IF;
    RETURN involved;
END $$;

-- Whether arrays make a batch at all; what is wrong with them, or NULL.
--
-- The posting function indexes its arrays from 1 and unnests them side by side, so they must be plain lists of
-- one length; a kind it does not know, an absent key or a time without end would otherwise slip through.
CREATE FUNCTION ledger.malformed(
    p_kind smallint [], p_id uuid [], p_key text [], p_group uuid [], p_effective_at timestamptz [],
    p_lapses_at timestamptz [], p_actor text [], p_reference text [], p_shapes text []
) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog
AS $$
BEGIN
    IF NOT p_shapes <@ ARRAY['[1:' || cardinality(p_kind) || ']'] THEN
        RETURN 'the arrays are not plain lists of one length';
    ELSIF NOT p_kind <@ '{1,2,3,4,5}'::smallint[] THEN
        RETURN 'a kind is unknown';
    ELSIF array_position(p_id, NULL) IS NOT NULL OR array_position(p_key, NULL) IS NOT NULL
          OR array_position(p_actor, NULL) IS NOT NULL OR array_position(p_reference, NULL) IS NOT NULL
          OR array_position(p_effective_at, NULL) IS NOT NULL THEN
        RETURN 'an id, key, time, actor or reference is absent';
    ELSIF 'infinity' = ANY(p_effective_at) OR '-infinity' = ANY(p_effective_at)
          OR 'infinity' = ANY(p_lapses_at) OR '-infinity' = ANY(p_lapses_at) THEN
        RETURN 'a time is infinite';
    ELSIF p_kind && '{2}'::smallint[] AND EXISTS (
        SELECT 1 FROM unnest(p_kind, p_lapses_at) AS req (kind, lapses_at) WHERE req.kind = 2 AND req.lapses_at IS NULL
    ) THEN
        RETURN 'a hold does not say when it lapses';
    ELSIF 255 < ANY(SELECT octet_length(req.key) FROM unnest(p_key) AS req (key)) OR '' = ANY(p_key) THEN
        RETURN 'a key is empty or longer than 255 bytes';
    ELSIF cardinality(array_remove(p_group, NULL)) > 0 AND EXISTS (
        SELECT 1 FROM (
            SELECT req.id, req.id IS DISTINCT FROM lag(req.id) OVER (ORDER BY req.place) AS begins
            FROM unnest(p_group) WITH ORDINALITY AS req (id, place)
        ) AS run
        WHERE run.id IS NOT NULL AND run.begins
        GROUP BY run.id HAVING count(*) > 1
    ) THEN
        RETURN 'the requests of a group do not stand together';
    END IF;
    RETURN NULL;
END $$;

-- Requests come as arrays of one length; the place in them is the order of the batch.
--
-- kind       1 transfer, 2 hold, 3 capture, 4 release, 5 reversal
-- id         id of the transfer or hold to make (4: of the release itself, only recorded)
-- key        idempotency key, unique in the town
-- debit      paying account (1, 2)          credit     receiving account (1, 2)
-- amount     minor units; NULL in 3: all of the hold, in 5: all that is left
-- unit       unit of the amount, NULL where the amount is
-- code       why (1, 2); 3 and 5 keep that of the hold or original
-- target     the hold (3, 4) or the original (5)
-- same_group neighbours with one group post wholly or not at all
--
-- One row for each request, in order: outcome is 'posted', 'replayed' or the code of the refusal
-- without its 'ledger.' prefix. Refusals are looked for in the order in which
-- docs/reference/refusals.md lists them, and the first one found is the answer.
--
-- Locks: holds by id, then accounts by id (FOR NO KEY UPDATE), then keys by key. Locking and reading
-- are separate statements on purpose: under READ COMMITTED a single statement that waits for a
-- lock would still read what it saw before it began to wait. Keys are taken after the
-- accounts, because a replay must be known before the funds are looked at.
CREATE FUNCTION ledger.post(
    p_town integer,
    p_kind smallint [],
    p_id uuid [],
    p_key text [],
    p_debit bigint [],
    p_credit bigint [],
    p_amount bigint [],
    p_unit text [],
    p_code text [],
    p_target uuid [],
    p_group uuid [],
    p_effective_at timestamptz [],
    p_lapses_at timestamptz [],
    p_actor text [],
    p_reference text []
) RETURNS TABLE (place integer, outcome text, result uuid, account_id bigint, available_minor bigint, asked_minor bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
AS $$
#variable_conflict use_column
DECLARE
    n CONSTANT integer := cardinality(p_kind);
    max_amount CONSTANT bigint := 1000000000000000;
    nobody CONSTANT bigint[] := '{}';
    problem text;
    clock CONSTANT timestamptz := clock_timestamp();
    tx_number CONSTANT bigint := ledger.current_tx();
    some_target CONSTANT boolean := p_kind && '{3,4,5}'::smallint[];
    -- Accounts involved, by position: lowest id first.
    a_id bigint[]; a_kind text[]; a_unit text[]; a_open boolean[]; a_floor bigint[]; a_ceiling bigint[];
    a_debits bigint[]; a_credits bigint[]; a_debits_held bigint[]; a_credits_held bigint[];
    -- Keys, by position; the result is known once a request was accepted under the key.
    k_key text[]; k_result uuid[]; k_content bytea[]; k_fresh boolean[];
    -- Holds that a request of this batch names, by position.
    h_id uuid[]; h_known boolean[]; h_state text[]; h_debit integer[]; h_credit integer[]; h_amount bigint[];
    h_captured bigint[]; h_code text[]; h_lapses timestamptz[]; h_unit text[]; h_before text[];
    -- Originals that a request of this batch reverses, by position.
    o_id uuid[]; o_known boolean[]; o_debit integer[]; o_credit integer[]; o_amount bigint[]; o_reversed bigint[];
    o_code text[]; o_is_reversal boolean[];
    -- For each request: positions, and what became of it.
    r_debit integer[]; r_credit integer[]; r_route boolean[]; r_key integer[]; r_content bytea[];
    r_hold integer[]; r_original integer[]; r_own_original integer[];
    r_outcome text[]; r_result uuid[]; r_account bigint[]; r_available bigint[]; r_asked bigint[];
    r_amount bigint[]; r_code text[]; r_left bigint[];
    -- The request in hand.
    i integer; j integer; d integer; c integer; k integer; h integer; o integer;
    amount bigint; what text; room bigint; group_start integer; group_failed boolean; group_replays boolean;
BEGIN
    IF n = 0 THEN RETURN; END IF;
    problem := ledger.malformed(
        p_kind, p_id, p_key, p_group, p_effective_at, p_lapses_at, p_actor, p_reference,
        ARRAY[array_dims(p_kind), array_dims(p_id), array_dims(p_key), array_dims(p_debit), array_dims(p_credit),
              array_dims(p_amount), array_dims(p_unit), array_dims(p_code), array_dims(p_target), array_dims(p_group),
              array_dims(p_effective_at), array_dims(p_lapses_at), array_dims(p_actor), array_dims(p_reference)]
    );
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'the batch makes no sense: %', problem USING ERRCODE = 'KL004';
    END IF;
    IF tx_number IS NULL THEN
        RAISE EXCEPTION 'these books are new to this database cluster: start Koinon once (koinon doctor), so that they get to know it' USING ERRCODE = 'KL002';
    END IF;

    IF some_target THEN
        <<lock>>
        LOOP
            BEGIN
                a_id := ledger.lock_involved(p_town, p_target, p_debit || p_credit);
                EXIT lock;
            EXCEPTION WHEN SQLSTATE 'KL003' THEN
                NULL;  -- What was locked is free again; a hold or original appeared meanwhile, so look once more.
            END;
        END LOOP;
    ELSE
        a_id := ledger.lock_accounts(p_town, p_debit || p_credit);
    END IF;

    SELECT array_agg(acc.id ORDER BY acc.id), array_agg(acc.kind ORDER BY acc.id), array_agg(acc.unit ORDER BY acc.id),
           array_agg(acc.closed_at IS NULL ORDER BY acc.id), array_agg(acc.floor_minor ORDER BY acc.id),
           array_agg(acc.ceiling_minor ORDER BY acc.id), array_agg(acc.debits_posted ORDER BY acc.id),
           array_agg(acc.credits_posted ORDER BY acc.id), array_agg(acc.debits_held ORDER BY acc.id),
           array_agg(acc.credits_held ORDER BY acc.id)
    INTO a_id, a_kind, a_unit, a_open, a_floor, a_ceiling, a_debits, a_credits, a_debits_held, a_credits_held
    FROM ledger.account AS acc WHERE acc.town_id = p_town AND acc.id = ANY(a_id);
    a_id := coalesce(a_id, nobody);

    -- What a request asks, without what a retry may change: its id, times, group and actor.
    SELECT array_agg(ask.content ORDER BY ask.place), array_agg(ask.slot ORDER BY ask.place)
    INTO r_content, r_key
    FROM (
        SELECT req.place,
               sha256(convert_to(concat_ws('|', req.kind, req.debit, '>', req.credit, coalesce(req.amount::text, 'all'),
                                           req.unit, req.code, req.target, req.reference), 'UTF8')) AS content,
               dense_rank() OVER (ORDER BY req.key COLLATE "C") AS slot
        FROM unnest(p_kind, p_key, p_debit, p_credit, p_amount, p_unit, p_code, p_target, p_reference) WITH ORDINALITY
             AS req (kind, key, debit, credit, amount, unit, code, target, reference, place)
    ) AS ask;

    -- Take the keys; whoever took one first is waited for. What is refused gives its key back below.
    WITH wanted AS (
        SELECT DISTINCT ON (req.key COLLATE "C") req.key, req.content, req.id
        FROM unnest(p_key, r_content, p_id) WITH ORDINALITY AS req (key, content, id, place)
        ORDER BY req.key COLLATE "C", req.place
    ), taken AS (
        INSERT INTO ledger.accepted (town_id, key, content, result)
        SELECT p_town, wanted.key, wanted.content, wanted.id FROM wanted ORDER BY wanted.key COLLATE "C"
        ON CONFLICT DO NOTHING
        RETURNING accepted.key
    )
    SELECT array_agg(wanted.key ORDER BY wanted.key COLLATE "C"),
           array_agg(taken.key IS NOT NULL ORDER BY wanted.key COLLATE "C")
    INTO k_key, k_fresh
    FROM wanted LEFT JOIN taken ON taken.key = wanted.key;

    k_result := array_fill(NULL::uuid, ARRAY[cardinality(k_key)]);
    k_content := array_fill(NULL::bytea, ARRAY[cardinality(k_key)]);
    IF false = ANY(k_fresh) THEN
        SELECT array_agg(old.result ORDER BY slot.place), array_agg(old.content ORDER BY slot.place)
        INTO k_result, k_content
        FROM unnest(k_key, k_fresh) WITH ORDINALITY AS slot (key, fresh, place)
        LEFT JOIN ledger.accepted AS old ON old.town_id = p_town AND old.key = slot.key AND NOT slot.fresh;
    END IF;

    SELECT array_agg(da.place ORDER BY req.place), array_agg(ca.place ORDER BY req.place),
           array_agg(route.code IS NOT NULL ORDER BY req.place)
    INTO r_debit, r_credit, r_route
    FROM unnest(p_debit, p_credit, p_code) WITH ORDINALITY AS req (debit, credit, code, place)
    LEFT JOIN unnest(a_id, a_kind) WITH ORDINALITY AS da (id, kind, place) ON da.id = req.debit
    LEFT JOIN unnest(a_id, a_kind) WITH ORDINALITY AS ca (id, kind, place) ON ca.id = req.credit
    LEFT JOIN ledger.route AS route
        ON route.code = req.code AND route.debit_kind = da.kind AND route.credit_kind = ca.kind;

    IF some_target THEN
        SELECT array_agg(slot.id ORDER BY slot.id), array_agg(held.id IS NOT NULL ORDER BY slot.id),
               array_agg(held.state ORDER BY slot.id),
               array_agg(array_position(a_id, held.debit_account) ORDER BY slot.id),
               array_agg(array_position(a_id, held.credit_account) ORDER BY slot.id),
               array_agg(held.amount_minor ORDER BY slot.id), array_agg(coalesce(held.captured_minor, 0) ORDER BY slot.id),
               array_agg(held.code ORDER BY slot.id), array_agg(held.lapses_at ORDER BY slot.id)
        INTO h_id, h_known, h_state, h_debit, h_credit, h_amount, h_captured, h_code, h_lapses
        FROM (SELECT DISTINCT req.target AS id FROM unnest(p_kind, p_target) AS req (kind, target)
              WHERE req.kind IN (3, 4)) AS slot
        LEFT JOIN ledger.hold AS held ON held.town_id = p_town AND held.id = slot.id;
        h_before := h_state;

        SELECT array_agg(slot.id ORDER BY slot.id), array_agg(first.id IS NOT NULL ORDER BY slot.id),
               array_agg(array_position(a_id, first.debit_account) ORDER BY slot.id),
               array_agg(array_position(a_id, first.credit_account) ORDER BY slot.id),
               array_agg(first.amount_minor ORDER BY slot.id),
               array_agg(coalesce(undone.minor, 0) ORDER BY slot.id), array_agg(first.code ORDER BY slot.id),
               array_agg(first.reverses IS NOT NULL ORDER BY slot.id)
        INTO o_id, o_known, o_debit, o_credit, o_amount, o_reversed, o_code, o_is_reversal
        FROM (SELECT DISTINCT req.target AS id FROM unnest(p_kind, p_target) AS req (kind, target)
              WHERE req.kind = 5) AS slot
        LEFT JOIN ledger.transfer AS first ON first.town_id = p_town AND first.id = slot.id
        LEFT JOIN LATERAL (
            SELECT sum(earlier.amount_minor)::bigint AS minor FROM ledger.transfer AS earlier
            WHERE earlier.town_id = p_town AND earlier.reverses = slot.id
        ) AS undone ON true;

        SELECT array_agg(CASE WHEN req.kind IN (3, 4) THEN ht.place WHEN req.kind = 2 THEN hi.place END ORDER BY req.place),
               array_agg(CASE WHEN req.kind = 5 THEN ot.place END ORDER BY req.place),
               array_agg(CASE WHEN req.kind IN (1, 3, 5) THEN oi.place END ORDER BY req.place)
        INTO r_hold, r_original, r_own_original
        FROM unnest(p_kind, p_id, p_target) WITH ORDINALITY AS req (kind, id, target, place)
        LEFT JOIN unnest(h_id) WITH ORDINALITY AS ht (id, place) ON ht.id = req.target
        LEFT JOIN unnest(h_id) WITH ORDINALITY AS hi (id, place) ON hi.id = req.id
        LEFT JOIN unnest(o_id) WITH ORDINALITY AS ot (id, place) ON ot.id = req.target
        LEFT JOIN unnest(o_id) WITH ORDINALITY AS oi (id, place) ON oi.id = req.id;
    ELSE
        r_hold := array_fill(NULL::integer, ARRAY[n]);
        r_original := r_hold;
        r_own_original := r_hold;
    END IF;

    r_outcome := array_fill(NULL::text, ARRAY[n]);
    r_result := array_fill(NULL::uuid, ARRAY[n]);
    r_account := array_fill(NULL::bigint, ARRAY[n]);
    r_available := array_fill(NULL::bigint, ARRAY[n]);
    r_asked := array_fill(NULL::bigint, ARRAY[n]);
    r_amount := array_fill(NULL::bigint, ARRAY[n]);
    r_left := array_fill(NULL::bigint, ARRAY[n]);
    r_code := p_code;
    group_failed := false;

    FOR i IN 1..n LOOP
        k := r_key[i]; h := r_hold[i]; o := r_original[i];
        what := NULL;
        IF i = 1 OR p_group[i] IS NULL OR p_group[i] IS DISTINCT FROM p_group[i - 1] THEN
            group_start := i; group_failed := false; group_replays := NULL;
        END IF;

        <<decide>>
        BEGIN
            IF group_failed THEN what := 'group-refused'; EXIT decide; END IF;

            IF k_result[k] IS NOT NULL THEN
                IF k_content[k] IS DISTINCT FROM r_content[i] OR group_replays = false THEN
                    what := 'key-reused';
                ELSE
                    what := 'replayed'; r_result[i] := k_result[k]; group_replays := true;
                END IF;
                EXIT decide;
            END IF;
            IF group_replays THEN what := 'key-reused'; EXIT decide; END IF;
            IF p_group[i] IS NOT NULL THEN group_replays := false; END IF;

            amount := p_amount[i];
            IF amount IS NULL THEN
                IF p_kind[i] IN (1, 2) THEN what := 'amount-not-positive'; EXIT decide; END IF;
            ELSIF amount <= 0 THEN what := 'amount-not-positive'; EXIT decide;
            ELSIF amount > max_amount THEN what := 'amount-too-large'; EXIT decide;
            END IF;

            IF p_kind[i] IN (3, 4) THEN
                IF h_known[h] IS NOT TRUE THEN what := 'hold-not-found'; EXIT decide; END IF;
                IF h_state[h] <> 'open' OR (p_kind[i] = 3 AND p_effective_at[i] >= h_lapses[h]) THEN
                    what := 'hold-not-open'; EXIT decide;
                END IF;
                d := h_debit[h]; c := h_credit[h]; r_code[i] := h_code[h];
                IF p_kind[i] = 4 THEN amount := h_amount[h]; ELSE amount := coalesce(amount, h_amount[h]); END IF;
            ELSIF p_kind[i] = 5 THEN
                IF o_known[o] IS NOT TRUE THEN what := 'original-not-found'; EXIT decide; END IF;
                IF o_is_reversal[o] THEN what := 'reversal-of-reversal'; EXIT decide; END IF;
                d := o_credit[o]; c := o_debit[o]; r_code[i] := o_code[o];
                amount := coalesce(amount, o_amount[o] - o_reversed[o]);
            ELSE
                d := r_debit[i]; c := r_credit[i];
            END IF;
            r_asked[i] := amount;

            IF d IS NULL THEN what := 'account-not-found'; r_account[i] := p_debit[i]; EXIT decide; END IF;
            IF c IS NULL THEN what := 'account-not-found'; r_account[i] := p_credit[i]; EXIT decide; END IF;
            IF d = c THEN what := 'same-account'; r_account[i] := a_id[d]; EXIT decide; END IF;
            IF NOT a_open[d] THEN what := 'account-not-open'; r_account[i] := a_id[d]; EXIT decide; END IF;
            IF NOT a_open[c] THEN what := 'account-not-open'; r_account[i] := a_id[c]; EXIT decide; END IF;
            IF a_unit[d] <> a_unit[c] OR (p_amount[i] IS NOT NULL AND p_unit[i] IS DISTINCT FROM a_unit[d]) THEN
                what := 'unit-mismatch'; r_account[i] := a_id[d]; EXIT decide;
            END IF;
            IF p_kind[i] IN (1, 2) AND NOT r_route[i] THEN what := 'route-not-allowed'; EXIT decide; END IF;

            IF p_kind[i] = 3 AND amount > h_amount[h] THEN
                what := 'amount-exceeds-hold'; r_available[i] := h_amount[h]; EXIT decide;
            END IF;
            IF p_kind[i] = 5 AND (amount > o_amount[o] - o_reversed[o] OR amount = 0) THEN
                what := 'amount-exceeds-original'; r_available[i] := o_amount[o] - o_reversed[o]; EXIT decide;
            END IF;

            -- A capture or release moves within what its hold has reserved; the others need funds and room.
            IF p_kind[i] IN (1, 2, 5) THEN
                IF a_floor[d] IS NOT NULL THEN
                    room := a_credits[d] - a_debits[d] - a_debits_held[d] - a_floor[d];
                    IF amount > room THEN
                        what := 'insufficient-funds'; r_account[i] := a_id[d]; r_available[i] := room; EXIT decide;
                    END IF;
                END IF;
                IF a_ceiling[c] IS NOT NULL THEN
                    room := a_ceiling[c] - a_credits[c] + a_debits[c] - a_credits_held[c];
                    IF amount > room THEN
                        what := 'ceiling-reached'; r_account[i] := a_id[c]; r_available[i] := room; EXIT decide;
                    END IF;
                END IF;
            END IF;

            what := 'posted';
            r_result[i] := p_id[i]; r_amount[i] := amount;
            k_result[k] := p_id[i]; k_content[k] := r_content[i];
            IF p_kind[i] = 2 THEN
                a_debits_held[d] := a_debits_held[d] + amount;
                a_credits_held[c] := a_credits_held[c] + amount;
                IF h IS NOT NULL THEN
                    h_known[h] := true; h_state[h] := 'open'; h_debit[h] := d; h_credit[h] := c;
                    h_amount[h] := amount; h_captured[h] := 0; h_code[h] := p_code[i]; h_lapses[h] := p_lapses_at[i];
                END IF;
            ELSE
                IF p_kind[i] IN (3, 4) THEN
                    a_debits_held[d] := a_debits_held[d] - h_amount[h];
                    a_credits_held[c] := a_credits_held[c] - h_amount[h];
                    h_state[h] := CASE p_kind[i] WHEN 3 THEN 'captured' ELSE 'released' END;
                END IF;
                IF p_kind[i] <> 4 THEN
                    a_debits[d] := a_debits[d] + amount;
                    a_credits[c] := a_credits[c] + amount;
                    IF p_kind[i] = 3 THEN h_captured[h] := amount; END IF;
                    IF p_kind[i] = 5 THEN o_reversed[o] := o_reversed[o] + amount; END IF;
                    r_debit[i] := d; r_credit[i] := c;
                    j := r_own_original[i];
                    IF j IS NOT NULL THEN
                        o_known[j] := true; o_debit[j] := d; o_credit[j] := c; o_amount[j] := amount;
                        o_reversed[j] := 0; o_code[j] := r_code[i]; o_is_reversal[j] := p_kind[i] = 5;
                    END IF;
                END IF;
            END IF;
        END decide;

        r_outcome[i] := what;
        IF p_group[i] IS NOT NULL AND what NOT IN ('posted', 'replayed', 'group-refused') THEN
            -- Take back what the group has done so far, last first.
            group_failed := true;
            FOR j IN REVERSE (i - 1)..group_start LOOP
                IF r_outcome[j] = 'posted' THEN
                    k_result[r_key[j]] := NULL; k_content[r_key[j]] := NULL;
                    amount := r_amount[j]; h := r_hold[j]; o := r_original[j];
                    IF p_kind[j] = 2 THEN
                        a_debits_held[r_debit[j]] := a_debits_held[r_debit[j]] - amount;
                        a_credits_held[r_credit[j]] := a_credits_held[r_credit[j]] - amount;
                        IF h IS NOT NULL THEN h_known[h] := false; h_state[h] := NULL; END IF;
                    ELSE
                        IF p_kind[j] IN (3, 4) THEN
                            a_debits_held[h_debit[h]] := a_debits_held[h_debit[h]] + h_amount[h];
                            a_credits_held[h_credit[h]] := a_credits_held[h_credit[h]] + h_amount[h];
                            h_state[h] := 'open'; h_captured[h] := 0;
                        END IF;
                        IF p_kind[j] <> 4 THEN
                            a_debits[r_debit[j]] := a_debits[r_debit[j]] - amount;
                            a_credits[r_credit[j]] := a_credits[r_credit[j]] - amount;
                            IF p_kind[j] = 5 THEN o_reversed[o] := o_reversed[o] - amount; END IF;
                            IF r_own_original[j] IS NOT NULL THEN o_known[r_own_original[j]] := false; END IF;
                        END IF;
                    END IF;
                END IF;
                r_outcome[j] := 'group-refused'; r_result[j] := NULL; r_amount[j] := NULL;
            END LOOP;
        END IF;
    END LOOP;

    -- Keys of refused requests are free again; a key whose first request was refused belongs to the later one.
    IF EXISTS (SELECT 1 FROM unnest(k_result, k_fresh) AS slot (result, fresh) WHERE slot.fresh AND slot.result IS NULL) THEN
        DELETE FROM ledger.accepted AS old
        USING unnest(k_key, k_result, k_fresh) AS slot (key, result, fresh)
        WHERE old.town_id = p_town AND old.key = slot.key AND slot.fresh AND slot.result IS NULL;
    END IF;
    IF cardinality(k_key) < n THEN
        UPDATE ledger.accepted AS old SET content = slot.content, result = slot.result
        FROM unnest(k_key, k_result, k_content, k_fresh) AS slot (key, result, content, fresh)
        WHERE old.town_id = p_town AND old.key = slot.key AND slot.fresh AND slot.result IS NOT NULL
          AND old.result <> slot.result;
    END IF;

    IF 'posted' = ANY(r_outcome) THEN
        UPDATE ledger.account AS acc
        SET debits_posted = now_is.debits, credits_posted = now_is.credits,
            debits_held = now_is.debits_held, credits_held = now_is.credits_held
        FROM unnest(a_id, a_debits, a_credits, a_debits_held, a_credits_held)
             AS now_is (id, debits, credits, debits_held, credits_held)
        WHERE acc.town_id = p_town AND acc.id = now_is.id
          AND (acc.debits_posted, acc.credits_posted, acc.debits_held, acc.credits_held)
              IS DISTINCT FROM (now_is.debits, now_is.credits, now_is.debits_held, now_is.credits_held);

        IF p_kind && '{2}'::smallint[] THEN
            INSERT INTO ledger.hold (town_id, id, debit_account, credit_account, amount_minor, captured_minor, code, key,
                                     state, effective_at, lapses_at, posted_at, actor, reference)
            SELECT p_town, req.id, req.debit, req.credit, req.amount, coalesce(h_captured[req.hold], 0), req.code, req.key,
                   coalesce(h_state[req.hold], 'open'), req.effective_at, req.lapses_at, clock, req.actor, req.reference
            FROM unnest(p_kind, p_id, p_debit, p_credit, r_amount, p_code, p_key, p_effective_at, p_lapses_at, p_actor,
                        p_reference, r_hold, r_outcome) WITH ORDINALITY
                 AS req (kind, id, debit, credit, amount, code, key, effective_at, lapses_at, actor, reference, hold,
                         outcome, place)
            WHERE req.kind = 2 AND req.outcome = 'posted'
            ORDER BY req.place;
        END IF;
        IF some_target THEN
            UPDATE ledger.hold AS held SET state = slot.state, captured_minor = slot.captured
            FROM unnest(h_id, h_before, h_state, h_captured) AS slot (id, before, state, captured)
            WHERE held.town_id = p_town AND held.id = slot.id AND slot.before IS NOT NULL
              AND slot.before <> slot.state;
        END IF;

        INSERT INTO ledger.transfer (town_id, id, debit_account, credit_account, amount_minor, code, key, group_id,
                                     effective_at, posted_at, actor, reference, reverses, hold_id, tx)
        SELECT p_town, req.id, a_id[req.debit], a_id[req.credit], req.amount, req.code, req.key, req.same_group,
               req.effective_at, clock, req.actor, req.reference,
               CASE WHEN req.kind = 5 THEN req.target END, CASE WHEN req.kind = 3 THEN req.target END, tx_number
        FROM unnest(p_kind, p_id, r_debit, r_credit, r_amount, r_code, p_key, p_group, p_effective_at, p_actor,
                    p_reference, p_target, r_outcome) WITH ORDINALITY
             AS req (kind, id, debit, credit, amount, code, key, same_group, effective_at, actor, reference, target,
                     outcome, place)
        WHERE req.kind IN (1, 3, 5) AND req.outcome = 'posted'
        ORDER BY req.place;
    END IF;

    -- What was refused leaves a line in the audit trail and nothing else.
    INSERT INTO audit.entry (town_id, id, at, actor, action, subject, reason, after)
    SELECT p_town, req.id, req.effective_at, req.actor, 'request.refused', 'request:' || req.id,
           'ledger.' || req.outcome,
           jsonb_strip_nulls(jsonb_build_object('key', req.key, 'account', req.account, 'asked_minor', req.asked,
                                                'available_minor', req.available, 'group', req.same_group))
    FROM unnest(p_id, p_effective_at, p_actor, r_outcome, p_key, r_account, r_asked, r_available, p_group)
         AS req (id, effective_at, actor, outcome, key, account, asked, available, same_group)
    WHERE req.outcome NOT IN ('posted', 'replayed')
    ON CONFLICT DO NOTHING;

    RETURN QUERY
    SELECT req.place::integer, req.outcome, req.result, req.account, req.available, req.asked
    FROM unnest(r_outcome, r_result, r_account, r_available, r_asked) WITH ORDINALITY
         AS req (outcome, result, account, available, asked, place)
    ORDER BY req.place;
END $$;
COMMENT ON FUNCTION ledger.post IS 'Post an exact batch: each outcome is what posting the requests one by one in this order would give.';

-- Open accounts, or find those that are open for the same purpose already; ids in the order asked.
CREATE FUNCTION ledger.open_accounts(
    p_town integer, p_kind text [], p_unit text [], p_holder uuid [], p_fund uuid [], p_floor bigint [],
    p_ceiling bigint [], p_at timestamptz, p_actor text
) RETURNS TABLE (place integer, id bigint, opened boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
AS $$
#variable_conflict use_column
DECLARE
    fresh bigint[];
BEGIN
    WITH wanted AS (
        SELECT DISTINCT ON (want.kind, want.holder, want.fund, want.unit) want.*
        FROM unnest(p_kind, p_unit, p_holder, p_fund, p_floor, p_ceiling) WITH ORDINALITY
             AS want (kind, unit, holder, fund, floor, ceiling, place)
        ORDER BY want.kind, want.holder, want.fund, want.unit, want.place
    ), missing AS (
        SELECT wanted.* FROM wanted
        WHERE NOT EXISTS (
            SELECT 1 FROM ledger.account AS acc
            WHERE acc.town_id = p_town AND acc.kind = wanted.kind AND acc.holder = wanted.holder
              AND acc.fund IS NOT DISTINCT FROM wanted.fund AND acc.unit = wanted.unit
        )
    ), opened AS (
        INSERT INTO ledger.account AS acc (town_id, id, kind, unit, holder, fund, floor_minor, ceiling_minor, opened_at,
                                           opened_by)
        SELECT p_town, nextval('ledger.account_number'), kind, unit, holder, fund, floor, ceiling, p_at, p_actor FROM missing
        ORDER BY place
        ON CONFLICT DO NOTHING
        RETURNING acc.id
    )
    SELECT coalesce(array_agg(opened.id), '{}') INTO fresh FROM opened;
    INSERT INTO ledger.chain (town_id) VALUES (p_town) ON CONFLICT DO NOTHING;
    RETURN QUERY
    SELECT want.place::integer, acc.id, acc.id = ANY(fresh)
    FROM unnest(p_kind, p_unit, p_holder, p_fund) WITH ORDINALITY AS want (kind, unit, holder, fund, place)
    INNER JOIN ledger.account AS acc
        ON acc.town_id = p_town AND acc.kind = want.kind AND acc.holder = want.holder
        AND acc.fund IS NOT DISTINCT FROM want.fund AND acc.unit = want.unit
    ORDER BY want.place;
END $$;

-- Close an empty account for good. Answers 'closed', 'account-not-found', 'account-not-open' or 'account-not-empty'.
CREATE FUNCTION ledger.close_account(p_town integer, p_account bigint, p_at timestamptz, p_actor text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
AS $$
DECLARE
    acc ledger.account;
BEGIN
    SELECT * INTO acc FROM ledger.account WHERE town_id = p_town AND id = p_account FOR NO KEY UPDATE;
    IF acc.id IS NULL THEN RETURN 'account-not-found'; END IF;
    IF acc.closed_at IS NOT NULL THEN RETURN 'account-not-open'; END IF;
    IF acc.credits_posted <> acc.debits_posted OR acc.debits_held + acc.credits_held > 0 THEN
        RETURN 'account-not-empty';
    END IF;
    UPDATE ledger.account SET closed_at = p_at, closed_by = p_actor WHERE town_id = p_town AND id = p_account;
    RETURN 'closed';
END $$;

-- Give back what is held by holds whose time is over; answers how many there were.
-- Locks holds by id, then accounts by id, like ledger.post.
CREATE FUNCTION ledger.lapse_holds(p_town integer, p_now timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
AS $$
DECLARE
    over uuid[];
BEGIN
    SELECT array_agg(due.id ORDER BY due.id) INTO over FROM (
        SELECT id FROM ledger.hold WHERE town_id = p_town AND state = 'open' AND lapses_at <= p_now
        ORDER BY id FOR NO KEY UPDATE
    ) AS due;
    IF over IS NULL THEN RETURN 0; END IF;
    PERFORM 1 FROM ledger.account WHERE town_id = p_town AND id IN (
        SELECT unnest(ARRAY[debit_account, credit_account]) FROM ledger.hold WHERE town_id = p_town AND id = ANY(over)
    ) ORDER BY id FOR NO KEY UPDATE;
    UPDATE ledger.account AS acc
    SET debits_held = acc.debits_held - given.debits, credits_held = acc.credits_held - given.credits
    FROM (
        SELECT side.account_id, sum(side.debit)::bigint AS debits, sum(side.credit)::bigint AS credits
        FROM ledger.hold AS held
        CROSS JOIN LATERAL (VALUES (held.debit_account, held.amount_minor, 0),
                                   (held.credit_account, 0, held.amount_minor)) AS side (account_id, debit, credit)
        WHERE held.town_id = p_town AND held.id = ANY(over)
        GROUP BY side.account_id
    ) AS given
    WHERE acc.town_id = p_town AND acc.id = given.account_id;
    UPDATE ledger.hold SET state = 'lapsed' WHERE town_id = p_town AND id = ANY(over);
    RETURN cardinality(over);
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.post, ledger.open_accounts, ledger.close_account, ledger.lapse_holds, ledger.adopt_cluster, ledger.current_tx TO koinon_app;
