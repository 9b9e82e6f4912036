-- Posting: one function, an exact batch of requests, in order.
SET LOCAL lock_timeout = '5s';

-- Lock accounts until the transaction ends, lowest id first so that no two callers wait for each other in a ring.
CREATE FUNCTION ledger.lock_accounts(p_town integer, p_accounts integer []) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, ledger
AS $$
    SELECT count(*) FROM (
        SELECT acc.id FROM ledger.account AS acc
        WHERE acc.town_id = p_town AND acc.id = ANY(p_accounts)
        ORDER BY acc.id FOR NO KEY UPDATE
    ) AS locked
$$;

-- Lock the holds that requests name, then the given accounts and those of the holds and originals they name.
--
-- While the accounts are waited for, somebody may commit a hold or transfer that a request names and
-- that was not there before. Locking it now could close a ring, so KL003 tells the caller to let
-- go and begin again.
CREATE FUNCTION ledger.lock_involved(p_town integer, p_target uuid [], p_accounts integer []) RETURNS integer []
LANGUAGE plpgsql
SET search_path = pg_catalog, ledger
AS $$
DECLARE
    since CONSTANT bigint := ledger.oldest_seq(p_town, p_target);
    involved integer[];
    seen integer;
BEGIN
    PERFORM 1 FROM ledger.hold AS held
    WHERE held.town_id = p_town AND held.id = ANY(p_target)
    ORDER BY held.id FOR NO KEY UPDATE;
    GET DIAGNOSTICS seen = ROW_COUNT;

    SELECT array_agg(found.id) INTO involved FROM (
        SELECT unnest(p_accounts) AS id
        UNION SELECT unnest(ARRAY[first.debit_account, first.credit_account]) FROM ledger.journal AS first
        WHERE first.town_id = p_town AND first.id = ANY(p_target) AND first.seq >= since
    ) AS found;
    PERFORM ledger.lock_accounts(p_town, involved);

    IF seen < (SELECT count(*) FROM ledger.hold AS held WHERE held.town_id = p_town AND held.id = ANY(p_target))
       OR EXISTS (
           SELECT 1 FROM ledger.journal AS first
           WHERE first.town_id = p_town AND first.id = ANY(p_target) AND first.seq >= since
             AND NOT ARRAY[first.debit_account, first.credit_account] <@ involved
       ) THEN
        RAISE EXCEPTION 'a hold or original appeared' USING ERRCODE = 'KL003';
    END IF;
    RETURN involved;
END $$;

-- The smallest version 7 id made at an instant.
CREATE FUNCTION ledger.first_id_at(p_at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT (lpad(to_hex((extract(epoch FROM p_at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

-- From which place in the books on rows with these ids can stand; 0 is from the beginning.
--
-- A version 7 id begins with the time it was made at. ledger.post refuses those made more than a day ahead of
-- its clock, so none was accepted more than a day before its time. Other ids may be of any age.
CREATE FUNCTION ledger.oldest_seq(p_town integer, p_id uuid []) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, ledger
AS $$
    SELECT coalesce(max(per.month)::bigint << 50, 0) FROM ledger.period AS per
    WHERE per.town_id = p_town
      AND NOT EXISTS (SELECT FROM unnest(p_id) AS ask (id) WHERE get_byte(uuid_send(ask.id), 6) >> 4 <> 7)
      AND ledger.first_id_at(per.began_at + interval '1 day')
          <= (SELECT ask.id FROM unnest(p_id) AS ask (id) WHERE ask.id IS NOT NULL ORDER BY ask.id LIMIT 1)
$$;

-- Begin a town's month, if nobody else is posting; otherwise whoever comes later does. Payments share this lock
-- until their transactions end, so ids need to be unique by index within a month only: nobody writes in one month while
-- somebody else writes in another. Answers the month to write in.
CREATE FUNCTION ledger.turn_month(p_town integer, p_month integer) RETURNS integer
LANGUAGE plpgsql
AS $$
BEGIN
    IF pg_try_advisory_xact_lock(19276, p_town) THEN
        PERFORM ledger.open_month(p_month);
        -- By the clock of now: everybody who posted in the month before has read it earlier, and has ended.
        INSERT INTO ledger.period (town_id, month, began_at) VALUES (p_town, p_month, clock_timestamp())
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN (SELECT max(per.month) FROM ledger.period AS per WHERE per.town_id = p_town);
END $$;

-- Whether arrays make a batch at all; what is wrong with them, or NULL.
--
-- The posting function indexes its arrays from 1 and unnests them side by side, so they must be plain lists; a
-- kind it does not know, an absent id or a time without end would otherwise slip through.
CREATE FUNCTION ledger.malformed(
    p_kind smallint [], p_id uuid [], p_group integer [], p_effective_at timestamptz [], p_lapses_at timestamptz [],
    p_actor text [], p_reference text [], p_shapes text [], p_sizes integer []
) RETURNS text
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
    n CONSTANT integer := cardinality(p_id);
BEGIN
    -- Conditions without a query of their own come first: PL/pgSQL evaluates those in no time.
    IF array_dims(p_id) <> '[1:' || n || ']' OR NOT p_shapes <@ ARRAY['[1:1]', '[1:' || n || ']']
       OR NOT p_sizes <@ ARRAY[n] THEN
        RETURN 'the arrays are not plain lists of one length';
    ELSIF n > 65536 THEN
        RETURN 'there are more than 65536 requests';
    ELSIF NOT p_kind <@ '{1,2,3,4,5}'::smallint[] THEN
        RETURN 'a kind is unknown';
    ELSIF array_position(p_id, NULL) IS NOT NULL OR array_position(p_actor, NULL) IS NOT NULL
          OR array_position(p_reference, NULL) IS NOT NULL OR array_position(p_effective_at, NULL) IS NOT NULL
          OR array_position(p_group, NULL) IS NOT NULL THEN
        RETURN 'an id, group, time, actor or reference is absent';
    ELSIF 'infinity' = ANY(p_effective_at) OR '-infinity' = ANY(p_effective_at)
          OR 'infinity' = ANY(p_lapses_at) OR '-infinity' = ANY(p_lapses_at) THEN
        RETURN 'a time is infinite';
    END IF;
    IF p_kind && '{2}'::smallint[] THEN
        IF (cardinality(p_lapses_at) = 1 OR cardinality(p_kind) = 1) AND array_position(p_lapses_at, NULL) IS NOT NULL THEN
            RETURN 'a hold does not say when it lapses';
        ELSIF cardinality(p_lapses_at) = n AND cardinality(p_kind) = n AND EXISTS (
            SELECT 1 FROM unnest(p_kind, p_lapses_at) AS req (kind, lapses_at)
            WHERE req.kind = 2 AND req.lapses_at IS NULL
        ) THEN
            RETURN 'a hold does not say when it lapses';
        END IF;
    END IF;
    IF p_group <> '{0}' THEN
        IF cardinality(p_group) <> n OR EXISTS (
            SELECT 1 FROM (
                SELECT req.first, req.place, lag(req.first) OVER (ORDER BY req.place) AS before
                FROM unnest(p_group) WITH ORDINALITY AS req (first, place)
            ) AS run
            WHERE run.first <> run.place AND run.first IS DISTINCT FROM run.before
        ) THEN
            RETURN 'the requests of a group do not stand together';
        ELSIF EXISTS (
            SELECT 1 FROM unnest(p_group) AS run (first) GROUP BY run.first HAVING count(*) > 32767
        ) THEN
            RETURN 'a group has more than 32767 requests';
        END IF;
    END IF;
    RETURN NULL;
END $$;

-- The numbers of actors, in the order asked; whoever is new gets one.
CREATE FUNCTION ledger.actor_numbers(p_town integer, p_actor text []) RETURNS integer []
LANGUAGE plpgsql
AS $$
DECLARE
    numbers integer[];
BEGIN
    LOOP
        SELECT array_agg(act.number ORDER BY ask.place) INTO numbers
        FROM unnest(p_actor) WITH ORDINALITY AS ask (name, place)
        LEFT JOIN ledger.actor AS act ON act.town_id = p_town AND act.name = ask.name;
        EXIT WHEN array_position(numbers, NULL) IS NULL;
        INSERT INTO ledger.actor (town_id, number, name)
        SELECT p_town, nextval('ledger.actor_number'), ask.name
        FROM (SELECT DISTINCT fresh.name FROM unnest(p_actor) AS fresh (name)) AS ask
        WHERE NOT EXISTS (SELECT FROM ledger.actor AS act WHERE act.town_id = p_town AND act.name = ask.name)
        ORDER BY ask.name
        ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN numbers;
END $$;

-- What a request asked for, in words that a retry repeats: without its times, group and actor.
CREATE FUNCTION ledger.asked(
    p_kind integer, p_debit integer, p_credit integer, p_code text, p_amount bigint, p_unit text, p_target uuid,
    p_reference text
) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
    SELECT concat_ws('|', p_kind, CASE WHEN p_kind IN (1, 2) THEN concat_ws('|', p_debit, p_credit, p_code) END,
                     CASE WHEN p_kind <> 4 THEN coalesce(p_amount || ' ' || p_unit, 'all') END, p_target, p_reference)
$$;

-- Requests come as arrays of one length, the place in them being the order of the batch. All but id, debit,
-- credit and amount may also have one element, which then stands for every request.
--
-- id         of the transfer, hold, capture, release or reversal to make: used once in the town
-- debit      paying account (1, 2)          credit     receiving account (1, 2)
-- amount     minor units; NULL in 3: all of the hold, in 5: all that is left
-- kind       1 transfer, 2 hold, 3 capture, 4 release, 5 reversal
-- unit       unit of the amount, NULL where the amount is
-- code       why (1, 2); 3 to 5 keep that of the hold or original
-- target     the hold (3, 4) or the original (5)
-- group      place of the first request of the group, which posts wholly or not at all; '{0}' where all stand alone
--
-- A row only for each request that was not simply posted: outcome is 'replayed' or the code of the refusal
-- without its 'ledger.' prefix. Refusals are looked for in the order in which
-- docs/algorithms/posting.md lists them, and the first one found is the answer.
--
-- Locks: the town's month (shared), holds by id, accounts by id (FOR NO KEY UPDATE), then ids by id. What is locked
-- and read in one statement are the accounts' own rows, which PostgreSQL reads again after it had to wait;
-- everything else is read in later statements, because a single one that waits would still see what
-- was there before it began to wait. Ids are written last and by id: whoever holds some waits for no account.
--
-- Speed: a batch of plain transfers takes four statements. Whether their ids are fresh is left to the unique index, as
-- long as they tell by their time that they can only be in this month; if it objects, or anything was
-- refused, the ids are looked up and the batch is decided again. Everything else is simple expressions
-- over arrays, which PL/pgSQL evaluates without a query. Plans are generic: making one takes longer than most batches.
CREATE FUNCTION ledger.post(
    p_town integer,
    p_id uuid [],
    p_debit integer [],
    p_credit integer [],
    p_amount bigint [],
    p_kind smallint [],
    p_unit text [],
    p_code text [],
    p_target uuid [],
    p_group integer [],
    p_effective_at timestamptz [],
    p_lapses_at timestamptz [],
    p_actor text [],
    p_reference text []
) RETURNS TABLE (place integer, outcome text, account_id integer, available_minor bigint, asked_minor bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    n CONSTANT integer := cardinality(p_id);
    clock CONSTANT timestamptz := clock_timestamp();
    plain CONSTANT boolean := p_kind = '{1}'::smallint[];
    some_target CONSTANT boolean := p_kind && '{3,4,5}'::smallint[];
    grouped CONSTANT boolean := p_group <> '{0}'::integer[];
    max_amount CONSTANT bigint := 1000000000000000;
    -- Ids below it may be in an earlier month; those from the other one on come from the future.
    recent uuid;
    ahead CONSTANT uuid := (lpad(to_hex((extract(epoch FROM clock) * 1000)::bigint + 86400000), 12, '0')
                            || '70008000000000000000')::uuid;
    dummy text;
    problem text;
    by_clock integer;
    month bigint;
    months integer;
    began timestamptz;
    since bigint;
    fresh bigint;
    actor integer; actors integer[];
    code smallint;
    ways text; all_ways text[];
    -- Accounts involved, by position: lowest id first.
    a_id integer[]; a_place tid[]; a_kind text[]; a_unit text[]; a_open boolean[]; a_floor bigint[]; a_ceiling bigint[];
    a_debits bigint[]; a_credits bigint[]; a_debits_held bigint[]; a_credits_held bigint[]; a_last bigint[];
    -- Whether ids are taken for fresh until the unique index objects. If not: whether some come twice or were used before, and
    -- then what for, by position.
    trusting boolean;
    odd boolean := false;
    easy boolean;
    k_content text[];
    -- Holds that a request of this batch names, by position.
    h_id uuid[]; h_known boolean[]; h_state text[]; h_debit integer[]; h_credit integer[]; h_amount bigint[];
    h_captured bigint[]; h_code smallint[]; h_lapses timestamptz[]; h_before text[]; h_seq bigint[];
    -- Originals that a request of this batch reverses, by position.
    o_id uuid[]; o_known boolean[]; o_debit integer[]; o_credit integer[]; o_amount bigint[]; o_reversed bigint[];
    o_code smallint[]; o_is_reversal boolean[]; o_seq bigint[];
    -- For each request: positions, and what became of it.
    r_debit integer[]; r_credit integer[]; r_amount bigint[]; r_code smallint[];
    r_key integer[]; r_content text[]; r_hold integer[]; r_original integer[]; r_own_original integer[];
    r_outcome text[]; r_account integer[]; r_available bigint[]; r_asked bigint[];
    r_seq bigint[]; r_debit_prev bigint[]; r_credit_prev bigint[];
    -- The request in hand.
    i integer; j integer; d integer; c integer; h integer; o integer; kind smallint := 1;
    amount bigint; what text; room bigint; posted integer; seq bigint; group_failed boolean; group_replays boolean;
BEGIN
    IF n = 0 THEN RETURN; END IF;
    problem := ledger.malformed(
        p_kind, p_id, p_group, p_effective_at, p_lapses_at, p_actor, p_reference,
        ARRAY[array_dims(p_kind), array_dims(p_unit), array_dims(p_code), array_dims(p_target), array_dims(p_group),
              array_dims(p_effective_at), array_dims(p_lapses_at), array_dims(p_actor), array_dims(p_reference),
              array_dims(p_debit), array_dims(p_credit), array_dims(p_amount)],
        ARRAY[cardinality(p_debit), cardinality(p_credit), cardinality(p_amount)]
    );
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'the batch makes no sense: %', problem USING ERRCODE = 'KL004';
    END IF;

    dummy := pg_advisory_xact_lock_shared(19276, p_town)::text;
    by_clock := date_part('year', clock AT TIME ZONE 'UTC') * 12 + date_part('month', clock AT TIME ZONE 'UTC') - 23641;
    SELECT count(*), max(per.month), max(per.began_at),
           (SELECT act.number FROM ledger.actor AS act WHERE act.town_id = p_town AND act.name = p_actor[1]),
           (SELECT known.number FROM ledger.code AS known WHERE known.name = p_code[1]),
           (SELECT string_agg(route.debit_kind || '>' || route.credit_kind, '|') FROM ledger.route AS route
            WHERE route.code = p_code[1])
    INTO months, month, began, actor, code, ways
    FROM ledger.period AS per WHERE per.town_id = p_town;
    trusting := months = 1;
    IF months > 1 THEN
        recent := (lpad(to_hex((extract(epoch FROM began) * 1000)::bigint + 86400001), 12, '0')
                   || '70008000000000000000')::uuid;
    END IF;
    IF month < by_clock OR month IS NULL THEN
        month := ledger.turn_month(p_town, by_clock);
        trusting := false;
        recent := NULL;
    END IF;
    ways := '|' || ways || '|';

    IF n > 1 AND NOT plain AND cardinality(p_kind) = 1 THEN p_kind := array_fill(p_kind[1], ARRAY[n]); END IF;
    IF n > 1 AND NOT plain AND cardinality(p_target) = 1 THEN p_target := array_fill(p_target[1], ARRAY[n]); END IF;
    IF n > 1 AND NOT plain AND cardinality(p_lapses_at) = 1 THEN p_lapses_at := array_fill(p_lapses_at[1], ARRAY[n]); END IF;
    IF n > 1 AND cardinality(p_unit) = 1 THEN p_unit := array_fill(p_unit[1], ARRAY[n]); END IF;
    IF n > 1 AND cardinality(p_effective_at) = 1 THEN p_effective_at := array_fill(p_effective_at[1], ARRAY[n]); END IF;
    IF n > 1 AND cardinality(p_reference) = 1 THEN p_reference := array_fill(p_reference[1], ARRAY[n]); END IF;
    IF cardinality(p_actor) > 1 OR actor IS NULL THEN
        actors := ledger.actor_numbers(p_town, p_actor);
        IF cardinality(p_actor) = 1 THEN actors := array_fill(actors[1], ARRAY[n]); END IF;
    ELSE
        actors := array_fill(actor, ARRAY[n]);
    END IF;
    IF cardinality(p_code) = 1 THEN
        r_code := array_fill(code, ARRAY[n]);
    ELSE
        SELECT array_agg(known.number ORDER BY ask.place), array_agg('|' || known.ways || '|' ORDER BY ask.place)
        INTO r_code, all_ways
        FROM unnest(p_code) WITH ORDINALITY AS ask (name, place)
        LEFT JOIN (
            SELECT code.name, code.number, string_agg(route.debit_kind || '>' || route.credit_kind, '|') AS ways
            FROM ledger.code AS code INNER JOIN ledger.route AS route ON route.code = code.name
            GROUP BY code.name, code.number
        ) AS known ON known.name = ask.name;
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
        a_id := p_debit || p_credit;
    END IF;

    IF NOT trusting AND recent IS NOT NULL THEN
        trusting := NOT EXISTS (
            SELECT FROM unnest(p_id) AS req (id) WHERE req.id < recent OR get_byte(uuid_send(req.id), 6) >> 4 <> 7
        );
    END IF;
    since := CASE WHEN trusting THEN month << 50 ELSE ledger.oldest_seq(p_town, p_id) END;

    <<attempt>>
    LOOP
        SELECT array_agg(acc.id), array_agg(acc.place), array_agg(acc.kind::text), array_agg(acc.unit), array_agg(acc.closed_at IS NULL),
               array_agg(acc.floor_minor), array_agg(acc.ceiling_minor), array_agg(acc.debits_posted),
               array_agg(acc.credits_posted), array_agg(acc.debits_held), array_agg(acc.credits_held),
               array_agg(acc.last_seq)
        INTO a_id, a_place, a_kind, a_unit, a_open, a_floor, a_ceiling, a_debits, a_credits, a_debits_held, a_credits_held,
             a_last
        FROM (
            SELECT locked.ctid AS place, locked.* FROM ledger.account AS locked
            WHERE locked.town_id = p_town AND locked.id = ANY(a_id)
            ORDER BY locked.id FOR NO KEY UPDATE
        ) AS acc;
        a_id := coalesce(a_id, '{}');
        IF NOT trusting THEN
            PERFORM 1 FROM ledger.journal AS old
            WHERE old.town_id = p_town AND old.id = ANY(p_id) AND old.seq >= since LIMIT 1;
            odd := FOUND OR (n > 1 AND n > (SELECT count(DISTINCT req.id) FROM unnest(p_id) AS req (id)));
        END IF;
        IF odd THEN
            IF cardinality(p_kind) < n THEN p_kind := array_fill(p_kind[1], ARRAY[n]); END IF;
            IF cardinality(p_target) < n THEN p_target := array_fill(p_target[1], ARRAY[n]); END IF;
            SELECT array_agg(ask.content ORDER BY ask.place), array_agg(ask.slot ORDER BY ask.place)
            INTO r_content, r_key
            FROM (
                SELECT req.place, (dense_rank() OVER (ORDER BY req.id))::integer AS slot,
                       ledger.asked(req.kind, req.debit, req.credit,
                                    CASE WHEN cardinality(p_code) = 1 THEN p_code[1] ELSE p_code[req.place] END,
                                    req.amount, req.unit, req.target, req.reference) AS content
                FROM unnest(p_kind, p_id, p_debit, p_credit, p_amount, p_unit, p_target, p_reference) WITH ORDINALITY
                     AS req (kind, id, debit, credit, amount, unit, target, reference, place)
            ) AS ask;
            SELECT array_agg(old.content ORDER BY slot.id) INTO k_content
            FROM (SELECT DISTINCT req.id FROM unnest(p_id) AS req (id)) AS slot
            LEFT JOIN LATERAL (
                SELECT ledger.asked(position(lower(line.kind::text) IN 'thcgr'), line.debit_account, line.credit_account, code.name,
                                    CASE WHEN line.kind NOT IN ('C', 'R') THEN line.amount_minor END, payer.unit,
                                    target.target, line.reference) AS content
                FROM ledger.journal AS line
                INNER JOIN ledger.account AS payer ON payer.town_id = p_town AND payer.id = line.debit_account
                INNER JOIN ledger.code AS code ON code.number = line.code
                LEFT JOIN ledger.target AS target ON target.town_id = p_town AND target.seq = line.seq
                WHERE line.town_id = p_town AND line.id = slot.id AND line.seq >= since
            ) AS old ON true;
        END IF;

        IF some_target THEN
            SELECT array_agg(slot.id ORDER BY slot.id), array_agg(held.id IS NOT NULL ORDER BY slot.id),
                   array_agg(held.state ORDER BY slot.id),
                   array_agg(array_position(a_id, held.debit_account) ORDER BY slot.id),
                   array_agg(array_position(a_id, held.credit_account) ORDER BY slot.id),
                   array_agg(held.amount_minor ORDER BY slot.id), array_agg(coalesce(held.captured_minor, 0) ORDER BY slot.id),
                   array_agg(held.code ORDER BY slot.id), array_agg(held.lapses_at ORDER BY slot.id),
                   array_agg(held.seq ORDER BY slot.id)
            INTO h_id, h_known, h_state, h_debit, h_credit, h_amount, h_captured, h_code, h_lapses, h_seq
            FROM (SELECT DISTINCT req.target AS id FROM unnest(p_kind, p_target) AS req (kind, target)
                  WHERE req.kind IN (3, 4)) AS slot
            LEFT JOIN ledger.hold AS held ON held.town_id = p_town AND held.id = slot.id;
            h_before := h_state;

            SELECT array_agg(slot.id ORDER BY slot.id), array_agg(first.id IS NOT NULL ORDER BY slot.id),
                   array_agg(array_position(a_id, first.debit_account) ORDER BY slot.id),
                   array_agg(array_position(a_id, first.credit_account) ORDER BY slot.id),
                   array_agg(first.amount_minor ORDER BY slot.id),
                   array_agg(coalesce(undone.minor, 0) ORDER BY slot.id), array_agg(first.code ORDER BY slot.id),
                   array_agg(first.kind IN ('r', 'R') ORDER BY slot.id), array_agg(first.seq ORDER BY slot.id)
            INTO o_id, o_known, o_debit, o_credit, o_amount, o_reversed, o_code, o_is_reversal, o_seq
            FROM (SELECT DISTINCT req.target AS id FROM unnest(p_kind, p_target) AS req (kind, target)
                  WHERE req.kind = 5) AS slot
            LEFT JOIN ledger.journal AS first
                ON first.town_id = p_town AND first.id = slot.id AND first.kind IN ('t', 'c', 'C', 'r', 'R')
            LEFT JOIN LATERAL (
                SELECT sum(earlier.amount_minor)::bigint AS minor
                FROM ledger.target AS pointer
                INNER JOIN ledger.journal AS earlier ON earlier.town_id = p_town AND earlier.seq = pointer.seq
                WHERE pointer.town_id = p_town AND pointer.target_seq = first.seq
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
        END IF;

        r_debit := array_fill(NULL::integer, ARRAY[n]); r_credit := r_debit;
        r_seq := array_fill(NULL::bigint, ARRAY[n]); r_debit_prev := r_seq; r_credit_prev := r_seq;
        IF NOT plain THEN r_amount := p_amount; END IF;
        r_outcome := NULL;
        posted := 0;
        fresh := NULL;
        group_failed := false;

        easy := plain AND NOT grouped AND NOT odd AND all_ways IS NULL;
        IF easy THEN fresh := (month << 50) + (nextval('ledger.batch_number') << 16) - 1; END IF;

        FOR i IN 1..n LOOP
            -- Nearly every request there is: a plain transfer with nothing in its way. All that could be is asked at once; where
            -- the answer is no, or unknown, what follows finds out why.
            IF easy THEN
                amount := p_amount[i];
                d := width_bucket(p_debit[i], a_id);
                c := width_bucket(p_credit[i], a_id);
                IF amount > 0 AND amount <= max_amount AND p_id[i] < ahead
                   AND a_id[d] = p_debit[i] AND a_id[c] = p_credit[i] AND d <> c AND a_open[d] AND a_open[c]
                   AND a_unit[d] = p_unit[i] AND a_unit[c] = p_unit[i]
                   AND strpos(ways, '|' || a_kind[d] || '>' || a_kind[c] || '|') > 0
                   AND (amount <= a_credits[d] - a_debits[d] - a_debits_held[d] - a_floor[d]) IS NOT FALSE
                   AND (amount <= a_ceiling[c] - a_credits[c] + a_debits[c] - a_credits_held[c]) IS NOT FALSE THEN
                    posted := posted + 1;
                    seq := fresh + posted;
                    r_seq[i] := seq;
                    a_debits[d] := a_debits[d] + amount;
                    a_credits[c] := a_credits[c] + amount;
                    r_debit_prev[i] := a_last[d]; a_last[d] := seq;
                    r_credit_prev[i] := a_last[c]; a_last[c] := seq;
                    CONTINUE;
                END IF;
            END IF;
            what := NULL;
            IF NOT plain THEN kind := p_kind[i]; h := r_hold[i]; o := r_original[i]; END IF;
            amount := p_amount[i];
            d := NULL; c := NULL; room := NULL;

            <<decide>>
            BEGIN
                IF grouped THEN
                    IF p_group[i] = i THEN
                        group_failed := false; group_replays := NULL;
                    ELSIF group_failed THEN
                        what := 'group-refused'; EXIT decide;
                    END IF;
                END IF;
                IF odd THEN
                    IF NOT grouped THEN group_replays := NULL; END IF;
                    IF k_content[r_key[i]] IS NOT NULL THEN
                        IF k_content[r_key[i]] <> r_content[i] OR group_replays = false THEN
                            what := 'key-reused';
                        ELSE
                            what := 'replayed'; group_replays := true;
                        END IF;
                        EXIT decide;
                    END IF;
                    IF group_replays THEN what := 'key-reused'; EXIT decide; END IF;
                    group_replays := false;
                END IF;
                IF p_id[i] >= ahead AND get_byte(uuid_send(p_id[i]), 6) >> 4 = 7 THEN
                    what := 'key-from-the-future'; EXIT decide;
                END IF;
                IF amount <= 0 OR (amount IS NULL AND kind IN (1, 2)) THEN what := 'amount-not-positive'; EXIT decide; END IF;
                IF amount > max_amount THEN what := 'amount-too-large'; EXIT decide; END IF;

                IF kind <= 2 THEN
                    d := width_bucket(p_debit[i], a_id);
                    c := width_bucket(p_credit[i], a_id);
                    IF a_id[d] IS DISTINCT FROM p_debit[i] THEN
                        what := 'account-not-found'; d := NULL; EXIT decide;
                    END IF;
                    IF a_id[c] IS DISTINCT FROM p_credit[i] THEN
                        what := 'account-not-found'; c := NULL; EXIT decide;
                    END IF;
                    IF d = c THEN what := 'same-account'; EXIT decide; END IF;
                ELSIF kind = 5 THEN
                    IF o_known[o] IS NOT TRUE THEN what := 'original-not-found'; EXIT decide; END IF;
                    IF o_is_reversal[o] THEN what := 'reversal-of-reversal'; EXIT decide; END IF;
                    d := o_credit[o]; c := o_debit[o]; r_code[i] := o_code[o];
                    amount := coalesce(amount, o_amount[o] - o_reversed[o]);
                ELSE
                    IF h_known[h] IS NOT TRUE THEN what := 'hold-not-found'; EXIT decide; END IF;
                    IF h_state[h] <> 'open' OR (kind = 3 AND p_effective_at[i] >= h_lapses[h]) THEN
                        what := 'hold-not-open'; EXIT decide;
                    END IF;
                    d := h_debit[h]; c := h_credit[h]; r_code[i] := h_code[h];
                    IF kind = 4 THEN amount := h_amount[h]; ELSE amount := coalesce(amount, h_amount[h]); END IF;
                END IF;
                IF NOT a_open[d] OR NOT a_open[c] THEN what := 'account-not-open'; EXIT decide; END IF;
                IF a_unit[d] <> a_unit[c] OR (p_amount[i] IS NOT NULL AND p_unit[i] IS DISTINCT FROM a_unit[d]) THEN
                    what := 'unit-mismatch'; EXIT decide;
                END IF;
                IF kind <= 2 THEN
                    IF all_ways IS NOT NULL THEN ways := all_ways[i]; END IF;
                    IF coalesce(strpos(ways, '|' || a_kind[d] || '>' || a_kind[c] || '|'), 0) = 0 THEN
                        what := 'route-not-allowed'; EXIT decide;
                    END IF;
                ELSIF kind = 3 AND amount > h_amount[h] THEN
                    what := 'amount-exceeds-hold'; room := h_amount[h]; EXIT decide;
                ELSIF kind = 5 AND (amount > o_amount[o] - o_reversed[o] OR amount = 0) THEN
                    what := 'amount-exceeds-original'; room := o_amount[o] - o_reversed[o]; EXIT decide;
                END IF;
                -- A capture or release moves within what its hold has reserved; the others need funds and room.
                IF kind IN (1, 2, 5) THEN
                    IF amount > a_credits[d] - a_debits[d] - a_debits_held[d] - a_floor[d] THEN
                        what := 'insufficient-funds'; room := a_credits[d] - a_debits[d] - a_debits_held[d] - a_floor[d];
                        EXIT decide;
                    END IF;
                    IF amount > a_ceiling[c] - a_credits[c] + a_debits[c] - a_credits_held[c] THEN
                        what := 'ceiling-reached'; room := a_ceiling[c] - a_credits[c] + a_debits[c] - a_credits_held[c];
                        EXIT decide;
                    END IF;
                END IF;
            END decide;

            IF what IS NULL THEN
                IF fresh IS NULL THEN
                    fresh := (month << 50) + (nextval('ledger.batch_number') << 16) - 1;
                END IF;
                posted := posted + 1;
                seq := fresh + posted;
                r_seq[i] := seq;
                r_debit[i] := d; r_credit[i] := c;
                IF odd THEN k_content[r_key[i]] := r_content[i]; END IF;
                IF kind IN (1, 3, 5) THEN
                    a_debits[d] := a_debits[d] + amount;
                    a_credits[c] := a_credits[c] + amount;
                    r_debit_prev[i] := a_last[d]; a_last[d] := seq;
                    r_credit_prev[i] := a_last[c]; a_last[c] := seq;
                    IF NOT plain THEN
                        r_amount[i] := amount;
                        IF kind = 3 THEN
                            a_debits_held[d] := a_debits_held[d] - h_amount[h];
                            a_credits_held[c] := a_credits_held[c] - h_amount[h];
                            h_state[h] := 'captured'; h_captured[h] := amount;
                        ELSIF kind = 5 THEN
                            o_reversed[o] := o_reversed[o] + amount;
                        END IF;
                        j := r_own_original[i];
                        IF j IS NOT NULL THEN
                            o_known[j] := true; o_debit[j] := d; o_credit[j] := c; o_amount[j] := amount;
                            o_reversed[j] := 0; o_code[j] := r_code[i]; o_is_reversal[j] := kind = 5; o_seq[j] := seq;
                        END IF;
                    END IF;
                ELSIF kind = 2 THEN
                    a_debits_held[d] := a_debits_held[d] + amount;
                    a_credits_held[c] := a_credits_held[c] + amount;
                    IF h IS NOT NULL THEN
                        h_known[h] := true; h_state[h] := 'open'; h_debit[h] := d; h_credit[h] := c; h_seq[h] := seq;
                        h_amount[h] := amount; h_captured[h] := 0; h_code[h] := r_code[i]; h_lapses[h] := p_lapses_at[i];
                    END IF;
                ELSE
                    r_amount[i] := amount;
                    a_debits_held[d] := a_debits_held[d] - h_amount[h];
                    a_credits_held[c] := a_credits_held[c] - h_amount[h];
                    h_state[h] := 'released';
                END IF;
            ELSE
                IF r_outcome IS NULL THEN
                    r_outcome := array_fill(NULL::text, ARRAY[n]);
                    r_account := array_fill(NULL::integer, ARRAY[n]);
                    r_available := array_fill(NULL::bigint, ARRAY[n]);
                    r_asked := p_amount;
                END IF;
                r_outcome[i] := what;
                r_asked[i] := amount;
                r_available[i] := room;
                IF what IN ('insufficient-funds', 'same-account', 'unit-mismatch') THEN
                    r_account[i] := a_id[d];
                ELSIF what = 'ceiling-reached' THEN
                    r_account[i] := a_id[c];
                ELSIF what = 'account-not-open' THEN
                    r_account[i] := CASE WHEN a_open[d] THEN a_id[c] ELSE a_id[d] END;
                ELSIF what = 'account-not-found' THEN
                    r_account[i] := CASE WHEN d IS NULL THEN p_debit[i] ELSE p_credit[i] END;
                END IF;
                IF grouped AND what NOT IN ('replayed', 'group-refused') THEN
                    -- Take back what the group has done so far, last first.
                    group_failed := true;
                    FOR j IN REVERSE (i - 1)..p_group[i] LOOP
                        IF r_seq[j] IS NOT NULL THEN
                            IF odd THEN k_content[r_key[j]] := NULL; END IF;
                            IF NOT plain THEN kind := p_kind[j]; h := r_hold[j]; o := r_original[j]; END IF;
                            amount := CASE WHEN plain THEN p_amount[j] ELSE r_amount[j] END;
                            d := r_debit[j]; c := r_credit[j];
                            IF kind IN (1, 3, 5) THEN
                                a_debits[d] := a_debits[d] - amount;
                                a_credits[c] := a_credits[c] - amount;
                                a_last[c] := r_credit_prev[j];
                                a_last[d] := r_debit_prev[j];
                                IF kind = 5 THEN o_reversed[o] := o_reversed[o] - amount; END IF;
                                IF NOT plain AND r_own_original[j] IS NOT NULL THEN o_known[r_own_original[j]] := false; END IF;
                            END IF;
                            IF kind = 2 THEN
                                a_debits_held[d] := a_debits_held[d] - amount;
                                a_credits_held[c] := a_credits_held[c] - amount;
                                IF h IS NOT NULL THEN h_known[h] := false; h_state[h] := NULL; END IF;
                            ELSIF kind IN (3, 4) THEN
                                a_debits_held[d] := a_debits_held[d] + h_amount[h];
                                a_credits_held[c] := a_credits_held[c] + h_amount[h];
                                h_state[h] := 'open'; h_captured[h] := 0;
                            END IF;
                            r_seq[j] := NULL;
                            posted := posted - 1;
                        END IF;
                        r_outcome[j] := 'group-refused'; r_available[j] := NULL; r_account[j] := NULL;
                    END LOOP;
                END IF;
            END IF;
        END LOOP;

        -- A refusal is only an answer where the id was not accepted before.
        IF trusting AND r_outcome IS NOT NULL THEN
            PERFORM 1 FROM ledger.journal AS old
            WHERE old.town_id = p_town AND old.id = ANY(p_id) AND old.seq >= since LIMIT 1;
            trusting := NOT (FOUND OR (n > 1 AND n > (SELECT count(DISTINCT req.id) FROM unnest(p_id) AS req (id))));
            CONTINUE attempt WHEN NOT trusting;
        END IF;
        EXIT attempt WHEN posted = 0;

        BEGIN
            IF plain AND NOT grouped THEN
                INSERT INTO ledger.journal (seq, amount_minor, effective_at, posted_at, debit_prev, credit_prev, town_id,
                                            debit_account, credit_account, actor, code, leg, legs, kind, id, reference)
                SELECT req.seq, p_amount[i], p_effective_at[i], clock, r_debit_prev[i], r_credit_prev[i],
                       p_town, p_debit[i], p_credit[i], actors[i], r_code[i], 0, 1, 't', p_id[i], req.reference
                FROM unnest(r_seq, p_reference) WITH ORDINALITY AS req (seq, reference, i)
                WHERE req.seq IS NOT NULL
                ORDER BY p_id[i];
            ELSE
                INSERT INTO ledger.journal (seq, amount_minor, effective_at, posted_at, debit_prev, credit_prev, town_id,
                                            debit_account, credit_account, actor, code, leg, legs, kind, id, reference)
                SELECT req.seq, req.amount, req.effective_at, clock, coalesce(req.debit_prev, 0), coalesce(req.credit_prev, 0), p_town,
                       a_id[req.debit], a_id[req.credit], req.actor, req.code,
                       CASE WHEN grouped THEN req.place - p_group[req.place] ELSE 0 END,
                       CASE WHEN grouped THEN count(*) OVER (PARTITION BY p_group[req.place]) ELSE 1 END,
                       CASE WHEN plain THEN 't'
                            WHEN req.kind = 3 AND p_amount[req.place] IS NULL THEN 'C'
                            WHEN req.kind = 5 AND p_amount[req.place] IS NULL THEN 'R'
                            ELSE substr('thcgr', req.kind, 1)::"char" END,
                       req.id, req.reference
                FROM unnest(r_seq, CASE WHEN plain THEN p_amount ELSE r_amount END, p_effective_at, r_debit_prev, r_credit_prev,
                            r_debit, r_credit, actors, r_code, p_kind, p_id, p_reference) WITH ORDINALITY
                     AS req (seq, amount, effective_at, debit_prev, credit_prev, debit, credit, actor, code, kind, id, reference,
                             place)
                WHERE req.seq IS NOT NULL
                ORDER BY req.id;
            END IF;
            EXIT attempt;
        EXCEPTION WHEN unique_violation THEN
            -- An id comes twice in the batch, was used before, or is used in this moment between accounts that have nothing
            -- to do with ours. Nothing of it is written, and everything is decided again with open eyes.
            trusting := false;
        END;
    END LOOP;

    IF posted > 0 THEN
        UPDATE ledger.account AS acc
        SET debits_posted = a_debits[i], credits_posted = a_credits[i],
            debits_held = a_debits_held[i], credits_held = a_credits_held[i], last_seq = a_last[i]
        FROM unnest(a_place) WITH ORDINALITY AS slot (place, i)
        WHERE acc.ctid = slot.place AND acc.town_id = p_town AND acc.id = a_id[i]  -- Locked, so it has not moved.
          AND (a_last[i] > fresh OR acc.debits_held <> a_debits_held[i] OR acc.credits_held <> a_credits_held[i]);

        IF NOT plain AND p_kind && '{2}'::smallint[] THEN
            INSERT INTO ledger.hold (town_id, id, seq, debit_account, credit_account, amount_minor, captured_minor, code,
                                     state, effective_at, lapses_at)
            SELECT p_town, req.id, req.seq, a_id[req.debit], a_id[req.credit], req.amount, coalesce(h_captured[req.hold], 0),
                   req.code, coalesce(h_state[req.hold], 'open'), req.effective_at, req.lapses_at
            FROM unnest(p_kind, p_id, r_seq, r_debit, r_credit, r_amount, r_code, p_effective_at, p_lapses_at, r_hold)
                 AS req (kind, id, seq, debit, credit, amount, code, effective_at, lapses_at, hold)
            WHERE req.kind = 2 AND req.seq IS NOT NULL;
        END IF;
        IF some_target THEN
            UPDATE ledger.hold AS held SET state = slot.state, captured_minor = slot.captured
            FROM unnest(h_id, h_before, h_state, h_captured) AS slot (id, before, state, captured)
            WHERE held.town_id = p_town AND held.id = slot.id AND slot.before IS NOT NULL
              AND slot.before <> slot.state;
            INSERT INTO ledger.target (town_id, seq, target_seq, target)
            SELECT p_town, req.seq, CASE WHEN req.kind = 5 THEN o_seq[req.original] ELSE h_seq[req.hold] END, req.target
            FROM unnest(p_kind, r_seq, r_hold, r_original, p_target) AS req (kind, seq, hold, original, target)
            WHERE req.kind IN (3, 4, 5) AND req.seq IS NOT NULL;
        END IF;
    END IF;
    IF posted = n THEN RETURN; END IF;

    -- What was refused leaves a line in the audit trail and nothing else.
    INSERT INTO audit.entry (town_id, id, at, actor, action, subject, reason, after)
    SELECT p_town, req.id, req.effective_at, act.name, 'request.refused', 'request:' || req.id,
           'ledger.' || req.outcome,
           jsonb_strip_nulls(jsonb_build_object('account', req.account, 'asked_minor', req.asked,
                                                'available_minor', req.available,
                                                'group', CASE WHEN grouped THEN p_id[p_group[req.place]] END))
    FROM unnest(p_id, p_effective_at, actors, r_outcome, r_account, r_asked, r_available) WITH ORDINALITY
         AS req (id, effective_at, actor, outcome, account, asked, available, place)
    INNER JOIN ledger.actor AS act ON act.town_id = p_town AND act.number = req.actor
    WHERE req.outcome <> 'replayed'
    ORDER BY req.id
    ON CONFLICT DO NOTHING;

    RETURN QUERY
    SELECT req.place::integer, req.outcome, req.account, req.available, req.asked
    FROM unnest(r_outcome, r_account, r_available, r_asked) WITH ORDINALITY
         AS req (outcome, account, available, asked, place)
    WHERE req.outcome IS NOT NULL
    ORDER BY req.place;
END $$;
COMMENT ON FUNCTION ledger.post IS 'Post an exact batch: each outcome is what posting the requests one by one in this order would give.';

-- Post one transfer that stands alone, in one statement where nothing is in its way.
--
-- The plain case is nearly all there is when few pay at a time, and PL/pgSQL prepares every expression anew in each
-- transaction: so here are as few as can be. The statement writes only where the transfer is sure to be accepted, and
-- an id that is sure to be fresh unless the unique index objects. In all other cases it writes nothing, and
-- ledger.post decides: what may be posted, and why not, is said there only.
--
-- Locks as ledger.post does. That the accounts' rows may have changed while they were waited for is no harm: PostgreSQL
-- reads locked and updated rows again, and nothing else that the statement reads can change in a month's time.
CREATE FUNCTION ledger.post_one(
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

-- Open accounts, or find those that are open for the same purpose already; ids in the order asked.
CREATE FUNCTION ledger.open_accounts(
    p_town integer, p_kind text [], p_unit text [], p_holder uuid [], p_fund uuid [], p_floor bigint [],
    p_ceiling bigint [], p_at timestamptz, p_actor text
) RETURNS TABLE (place integer, id integer, opened boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
AS $$
#variable_conflict use_column
DECLARE
    fresh integer[];
BEGIN
    IF p_actor !~ '^[A-Za-z0-9:._/#-]{1,80}$' THEN
        RAISE EXCEPTION 'who opens an account is named by an opaque id' USING ERRCODE = '23514';
    END IF;
    IF EXISTS (
        SELECT FROM unnest(p_kind, p_floor, p_ceiling) AS want (kind, floor, ceiling)
        WHERE want.floor > 0 OR want.ceiling < 0 OR (want.floor IS NULL AND want.kind <> 'issuance')
           OR (want.floor <> 0 AND want.kind NOT IN ('issuance', 'clearing'))
    ) THEN
        RAISE EXCEPTION 'only issuance has no floor, and where money is kept it is zero' USING ERRCODE = '23514';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(19276, p_town);
    IF NOT EXISTS (SELECT FROM ledger.period AS per WHERE per.town_id = p_town) THEN
        PERFORM ledger.open_month(ledger.month_of(clock_timestamp()));
        INSERT INTO ledger.period (town_id, month, began_at)
        VALUES (p_town, ledger.month_of(clock_timestamp()), clock_timestamp()) ON CONFLICT DO NOTHING;
    END IF;
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
        SELECT p_town,
               CASE WHEN kind = 'purse' THEN nextval('ledger.purse_number') ELSE nextval('ledger.account_number') END,
               kind, unit, holder, fund, floor, ceiling, p_at, p_actor
        FROM missing
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
CREATE FUNCTION ledger.close_account(p_town integer, p_account integer, p_at timestamptz, p_actor text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
AS $$
DECLARE
    acc ledger.account;
BEGIN
    IF p_actor !~ '^[A-Za-z0-9:._/#-]{1,80}$' THEN
        RAISE EXCEPTION 'who closes an account is named by an opaque id' USING ERRCODE = '23514';
    END IF;
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
GRANT EXECUTE ON FUNCTION ledger.post, ledger.post_one, ledger.open_accounts, ledger.close_account, ledger.lapse_holds, ledger.month_of, ledger.oldest_seq, ledger.first_id_at TO koinon_app;
