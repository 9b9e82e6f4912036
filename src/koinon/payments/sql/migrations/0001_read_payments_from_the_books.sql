-- Payments keep no table of their own: what a payer and a payee agreed is read from the ledger.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA payments;
COMMENT ON SCHEMA payments IS 'Reads payments, refunds and holds out of the ledger, and locks what a batch of them will look at.';

CREATE INDEX hold_open_by_payer ON ledger.hold (town_id, debit_account) WHERE state = 'open';
CREATE INDEX hold_open_by_payee ON ledger.hold (town_id, credit_account) WHERE state = 'open';
COMMENT ON INDEX ledger.hold_open_by_payer IS 'Serves payments.spent_by_day and payments/sql/held_of_party.sql.';
COMMENT ON INDEX ledger.hold_open_by_payee IS 'Serves payments/sql/held_of_party.sql.';

-- The rows of some groups of the journal that have to do with paying, in words: payments, refunds, holds, releases.
--
-- p_first  bigint[]  the first seq of each group
--
-- target is the id of the group that a capture, release or reversal points at. reversed_minor is what reversals took
-- back; captured_minor, state and lapses_at are those of a hold. agreed_at is when the money was promised: a captured
-- payment was agreed when its hold was placed, which is the day that limits by the day count it on.
--
-- A few rows out of hundreds of millions, each found by its key: the planner cannot know how few the legs of a group
-- are, so it is told not to think of reading the journal as a whole, and (OFFSET 0) to look targets and holds up one by
-- one: a plan that was made when there were none would go through all of them for every row. Ranges of one value with
-- an order leave only the index that has that order. Joins are made in the order in which they stand here
-- (join_collapse_limit): in a town's first minutes nothing has been counted, and a plan may begin with all pairs of rows.
CREATE FUNCTION payments.lines(p_town integer, p_first bigint [])
RETURNS TABLE (
    first_seq bigint, seq bigint, id uuid, leg smallint, legs smallint, kind text, code text, debit_account integer,
    credit_account integer, debit_holder uuid, credit_holder uuid, unit text, fund uuid, amount_minor bigint,
    reversed_minor bigint, effective_at timestamptz, agreed_at timestamptz, posted_at timestamptz, actor text,
    reference text, target uuid, captured_minor bigint, state text, lapses_at timestamptz
)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, ledger
SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
SET join_collapse_limit = 1
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT line.seq - line.leg, line.seq, line.id, line.leg, line.legs, line.kind::text, code.name::text, line.debit_account,
           line.credit_account, payer.holder, payee.holder, payer.unit, payer.fund, line.amount_minor::bigint,
           CASE WHEN line.kind IN ('t', 'c', 'C') THEN coalesce(undone.minor, 0) ELSE 0 END, line.effective_at,
           coalesce(held.effective_at, line.effective_at), line.posted_at, actor.name::text, line.reference::text, aimed.id,
           coalesce(held.captured_minor, 0), coalesce(held.state, ''), held.lapses_at
    FROM unnest(p_first) AS wanted (seq)
    INNER JOIN ledger.journal AS head ON head.town_id = p_town AND head.seq = wanted.seq AND head.code = 6
    CROSS JOIN LATERAL generate_series(0, head.legs - 1) AS place (leg)
    INNER JOIN ledger.journal AS line ON line.town_id = p_town AND line.seq = head.seq + place.leg
    INNER JOIN ledger.account AS payer ON payer.town_id = p_town AND payer.id = line.debit_account
    INNER JOIN ledger.account AS payee ON payee.town_id = p_town AND payee.id = line.credit_account
    INNER JOIN ledger.code AS code ON code.number = line.code
    INNER JOIN ledger.actor AS actor ON actor.town_id = p_town AND actor.number = line.actor
    LEFT JOIN LATERAL (
        SELECT pointer.target, pointer.target_seq FROM ledger.target AS pointer
        WHERE pointer.town_id = p_town AND pointer.seq BETWEEN line.seq AND line.seq AND line.kind NOT IN ('t', 'h')
        ORDER BY pointer.seq LIMIT 1
    ) AS pointer ON true
    LEFT JOIN LATERAL (
        SELECT first.id FROM ledger.journal AS aim
        INNER JOIN ledger.journal AS first ON first.town_id = p_town AND first.seq = aim.seq - aim.leg
        WHERE aim.town_id = p_town AND aim.seq = pointer.target_seq
        OFFSET 0
    ) AS aimed ON true
    LEFT JOIN LATERAL (
        SELECT held.effective_at, held.captured_minor, held.state, held.lapses_at FROM ledger.hold AS held
        WHERE held.town_id = p_town AND line.kind NOT IN ('t', 'r', 'R')
              AND held.id = CASE line.kind WHEN 'h' THEN line.id ELSE pointer.target END
        OFFSET 0
    ) AS held ON true
    LEFT JOIN LATERAL (
        SELECT sum(back.amount_minor)::bigint AS minor
        FROM (
            SELECT pointing.seq FROM ledger.target AS pointing
            WHERE pointing.town_id = p_town AND pointing.target_seq BETWEEN line.seq AND line.seq
                  AND line.kind IN ('t', 'c', 'C')
            ORDER BY pointing.target_seq OFFSET 0
        ) AS reversal
        INNER JOIN ledger.journal AS back ON back.town_id = p_town AND back.seq = reversal.seq
    ) AS undone ON true
    ORDER BY line.seq;
END $$;

-- The first seq of the groups in which some ids stand, and whether an id is that of its group.
CREATE FUNCTION payments.groups_of(p_town integer, p_id uuid [])
RETURNS TABLE (id uuid, first_seq bigint, leg smallint)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, ledger
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    since CONSTANT bigint := ledger.oldest_seq(p_town, p_id);
BEGIN
    RETURN QUERY
    SELECT line.id, line.seq - line.leg, line.leg FROM ledger.journal AS line
    WHERE line.town_id = p_town AND line.id = ANY(p_id) AND line.seq >= since;
END $$;

-- The movements of an account from a place in the books backwards, by the pointers in its rows.
--
-- p_from    bigint       the first row, which moved money on this account: the account's last_seq for the newest
-- p_since   timestamptz  rows that were posted before are not looked at
-- p_before  bigint       only rows of groups that begin before this seq
-- p_groups  integer      at most so many groups: the rows of one payment stand side by side
CREATE FUNCTION payments.walk(
    p_town integer, p_account integer, p_from bigint, p_since timestamptz DEFAULT '-infinity',
    p_before bigint DEFAULT 9223372036854775807, p_groups integer DEFAULT 2147483647
) RETURNS SETOF ledger.journal
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, ledger
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    line ledger.journal;
    place bigint := p_from;
    group_seq bigint := 0;
    seen integer := 0;
BEGIN
    WHILE place > 0 LOOP
        SELECT * INTO line FROM ledger.journal AS row WHERE row.town_id = p_town AND row.seq = place;
        EXIT WHEN NOT FOUND OR line.posted_at < p_since;
        IF line.seq - line.leg < p_before THEN
            IF line.seq - line.leg <> group_seq THEN
                seen := seen + 1;
                EXIT WHEN seen > p_groups;
                group_seq := line.seq - line.leg;
            END IF;
            RETURN NEXT line;
        END IF;
        place := CASE WHEN line.debit_account = p_account THEN line.debit_prev ELSE line.credit_prev END;
    END LOOP;
END $$;

-- The instant before which no row was posted that belongs to a day beginning at p_start.
--
-- A payment's effective_at is at most a day ahead of the clock, and clocks are read before locks are waited for: that
-- makes two days. A demonstration lives ahead of every clock; there it is the beginning of all time.
CREATE FUNCTION payments.posted_since(p_town integer, p_start timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
AS $$
BEGIN
    RETURN (
        SELECT CASE WHEN town.demonstrated_until IS NULL THEN p_start - interval '2 days' ELSE '-infinity' END
        FROM public.parties_town AS town WHERE town.id = p_town
    );
END $$;

-- What some accounts paid or promised on local days, refunds taken off.
--
-- p_account  integer[]
-- p_day      date[]     local days of the town
--
-- One row for each account and day on which there is something. The day is that on which it was agreed: a refund frees
-- the day on which was paid, and a hold counts on the day on which it was placed, with what it reserves
-- while it is open and with what it paid once it is captured.
--
-- The walk ends where payments.posted_since says.
CREATE FUNCTION payments.spent_by_day(p_town integer, p_account integer [], p_day date [])
RETURNS TABLE (account integer, day date, minor bigint)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, ledger
SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
AS $$
#variable_conflict use_column
DECLARE
    zone CONSTANT text := (SELECT town.time_zone FROM public.parties_town AS town WHERE town.id = p_town);
    since CONSTANT timestamptz := payments.posted_since(
        p_town, (SELECT min(asked.day) FROM unnest(p_day) AS asked (day))::timestamp AT TIME ZONE zone
    );
BEGIN
    RETURN QUERY
    WITH RECURSIVE walked AS (  -- As payments.walk does, but all accounts side by side.
        SELECT purse.id AS account, line.seq, line.amount_minor, line.effective_at, line.code, line.kind,
               line.debit_account = purse.id AS pays,
               CASE WHEN line.debit_account = purse.id THEN line.debit_prev ELSE line.credit_prev END AS prev
        FROM ledger.account AS purse
        INNER JOIN ledger.journal AS line ON line.town_id = p_town AND line.seq = purse.last_seq
        WHERE purse.town_id = p_town AND purse.id = ANY(p_account) AND line.posted_at >= since
        UNION ALL
        SELECT walked.account, line.seq, line.amount_minor, line.effective_at, line.code, line.kind,
               line.debit_account = walked.account,
               CASE WHEN line.debit_account = walked.account THEN line.debit_prev ELSE line.credit_prev END
        FROM walked
        INNER JOIN ledger.journal AS line ON line.town_id = p_town AND line.seq = walked.prev
        WHERE line.posted_at >= since
    )
    SELECT part.account, part.day, sum(part.minor)::bigint
    FROM (
        SELECT line.account, (coalesce(held.effective_at, line.effective_at) AT TIME ZONE zone)::date AS day,
               line.amount_minor - coalesce(undone.minor, 0) AS minor
        FROM walked AS line
        LEFT JOIN LATERAL (
            SELECT hold.effective_at
            FROM (
                SELECT pointing.target FROM ledger.target AS pointing
                WHERE pointing.town_id = p_town AND pointing.seq BETWEEN line.seq AND line.seq AND line.kind <> 't'
                ORDER BY pointing.seq LIMIT 1
            ) AS pointer
            INNER JOIN ledger.hold AS hold ON hold.town_id = p_town AND hold.id = pointer.target
        ) AS held ON true
        LEFT JOIN LATERAL (
            SELECT sum(back.amount_minor)::bigint AS minor
            FROM (
                SELECT pointing.seq FROM ledger.target AS pointing
                WHERE pointing.town_id = p_town AND pointing.target_seq BETWEEN line.seq AND line.seq
                ORDER BY pointing.target_seq OFFSET 0
            ) AS reversal
            INNER JOIN ledger.journal AS back ON back.town_id = p_town AND back.seq = reversal.seq
        ) AS undone ON true
        WHERE line.pays AND line.code = 6 AND line.kind IN ('t', 'c', 'C')
        UNION ALL
        SELECT held.debit_account, (held.effective_at AT TIME ZONE zone)::date, held.amount_minor
        FROM ledger.hold AS held
        WHERE held.town_id = p_town AND held.debit_account = ANY(p_account) AND held.state = 'open' AND held.code = 6
    ) AS part
    WHERE part.day = ANY(p_day)
    GROUP BY part.account, part.day;
END $$;

-- Lock and read all that a batch of commands looks at; one row, its lists as JSON.
--
-- p_payers   uuid[]         whose purses will pay            p_payees  uuid[]  who will be paid
-- p_at       timestamptz[]  when payments and holds happen   p_ids     uuid[]  the ids of the commands
-- p_targets  uuid[]         the payments and holds that commands name
--
-- Locks, as ledger.post does and in its order: the town's month (shared), the holds named by id, then every purse and
-- till of every party involved by id (FOR NO KEY UPDATE), but for tills that only receive: ledger.post locks those, and
-- they have higher ids than purses. The accounts' own rows are read as they are locked; everything else is read in
-- later statements, because one that waits would still see what was there before.
CREATE FUNCTION payments.gather(
    p_town integer, p_payers uuid [], p_payees uuid [], p_at timestamptz [], p_ids uuid [], p_targets uuid []
) RETURNS TABLE (
    clock timestamptz, unit text, time_zone text, payers text, payees text, accounts text, funds text, spent text,
    named text, lines text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
AS $$
#variable_conflict use_column
DECLARE
    involved uuid[] := p_payers || p_payees;
    groups bigint[];
    fund_ids uuid[];
    held_ids uuid[];
    limited integer[];
    days date[];
    pays_from_till boolean;
    of_town record;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(19276, p_town);  -- As ledger.post does, before any account, so that a month may turn.
    SELECT town.unit_code, town.time_zone, town.demonstrated_until IS NOT NULL AS ahead INTO of_town
    FROM public.parties_town AS town WHERE town.id = p_town;
    unit := of_town.unit_code;
    time_zone := of_town.time_zone;

    IF p_targets <> '{}' THEN
        SELECT array_agg(line.id) INTO held_ids
        FROM payments.groups_of(p_town, p_targets) AS named
        INNER JOIN ledger.journal AS head ON head.town_id = p_town AND head.seq = named.first_seq
        CROSS JOIN LATERAL generate_series(0, head.legs - 1) AS place (leg)
        INNER JOIN ledger.journal AS line ON line.town_id = p_town AND line.seq = head.seq + place.leg
        WHERE head.kind = 'h';
        IF held_ids IS NOT NULL THEN
            PERFORM 1 FROM ledger.hold AS held
            WHERE held.town_id = p_town AND held.id = ANY(held_ids)
            ORDER BY held.id FOR NO KEY UPDATE;
        END IF;
        SELECT involved || array_agg(acc.holder) INTO involved
        FROM payments.groups_of(p_town, p_targets) AS named
        INNER JOIN ledger.journal AS head ON head.town_id = p_town AND head.seq = named.first_seq
        INNER JOIN ledger.account AS acc
            ON acc.town_id = p_town AND acc.id IN (head.debit_account, head.credit_account)
        WHERE head.code = 6;
    END IF;

    -- Tills that only receive are not waited for: a plan reads of them whether they are open and how much goes in, and the
    -- books refuse what it got wrong. Purses have lower ids than tills, so locking these later keeps the order.
    pays_from_till := p_targets <> '{}' OR EXISTS (
        SELECT FROM ledger.account AS acc
        WHERE acc.town_id = p_town AND acc.holder = ANY(p_payers) AND acc.kind = 'till'
    );
    WITH locked AS MATERIALIZED (
        SELECT acc.id, acc.holder, acc.kind, acc.fund, acc.closed_at, acc.ceiling_minor,
               acc.credits_posted - acc.debits_posted - acc.debits_held AS available,
               acc.credits_posted - acc.debits_posted + acc.credits_held AS filled
        FROM ledger.account AS acc
        WHERE acc.town_id = p_town AND acc.holder = ANY(involved) AND acc.unit = of_town.unit_code
              AND (acc.kind = 'purse' OR (pays_from_till AND acc.kind = 'till'))
        ORDER BY acc.id FOR NO KEY UPDATE
    ), seen AS (
        SELECT * FROM locked
        UNION ALL
        SELECT acc.id, acc.holder, acc.kind, acc.fund, acc.closed_at, acc.ceiling_minor,
               acc.credits_posted - acc.debits_posted - acc.debits_held,
               acc.credits_posted - acc.debits_posted + acc.credits_held
        FROM ledger.account AS acc
        WHERE acc.town_id = p_town AND acc.holder = ANY(p_payees) AND acc.unit = of_town.unit_code
              AND acc.kind = 'till' AND NOT pays_from_till
    )
    SELECT json_agg(json_build_array(seen.id, seen.holder, seen.kind, seen.fund, seen.closed_at IS NULL,
                                     seen.available, seen.filled, seen.ceiling_minor)),
           array_agg(DISTINCT seen.fund) FILTER (WHERE seen.fund IS NOT NULL)
    INTO accounts, fund_ids
    FROM seen;
    IF of_town.ahead IS NOT TRUE THEN
        clock := clock_timestamp();
    END IF;

    SELECT json_agg(json_build_array(party.id, party.erased_at IS NOT NULL)) INTO payers
    FROM public.parties_party AS party
    WHERE party.town_id = p_town AND party.id = ANY(p_payers);

    SELECT json_agg(json_build_array(
               party.id, party.kind, coalesce(zone.code, ''), coalesce(organisation.sector, ''),
               coalesce(organisation.sector_group, ''), coalesce(organisation.legal_form, ''),
               coalesce(organisation.is_sse, false), coalesce(organisation.is_chain, false),
               organisation.accepts_since, coalesce(organisation.active, true) AND party.erased_at IS NULL))
    INTO payees
    FROM public.parties_party AS party
    LEFT JOIN public.parties_organisation AS organisation ON organisation.party_id = party.id
    LEFT JOIN public.parties_household AS household ON household.party_id = party.id
    LEFT JOIN public.parties_person AS person ON person.party_id = party.id
    LEFT JOIN public.parties_zone AS zone
        ON zone.id = coalesce(organisation.zone_id, household.zone_id, person.zone_id)
    WHERE party.town_id = p_town AND party.id = ANY(p_payees);

    IF fund_ids IS NOT NULL THEN
        SELECT json_agg(json_build_array(fund.id, fund.name, fund.rule::text, fund.spend_from, fund.last_day)),
               array_agg(fund.id) FILTER (WHERE fund.rule ? 'per_day_minor')
        INTO funds, fund_ids
        FROM public.programmes_fund AS fund WHERE fund.id = ANY(fund_ids);
    END IF;
    IF fund_ids IS NOT NULL THEN
        SELECT array_agg(acc.id) INTO limited FROM ledger.account AS acc
        WHERE acc.town_id = p_town AND acc.holder = ANY(p_payers) AND acc.kind = 'purse' AND acc.fund = ANY(fund_ids)
              AND acc.unit = of_town.unit_code;
        SELECT array_agg(DISTINCT (asked.at AT TIME ZONE of_town.time_zone)::date) INTO days FROM unnest(p_at) AS asked (at);
        SELECT json_agg(json_build_array(paid.account, paid.day, paid.minor)) INTO spent
        FROM payments.spent_by_day(p_town, limited, days) AS paid;
    END IF;

    SELECT json_agg(json_build_array(found.id, found.first_seq, found.leg)), array_agg(DISTINCT found.first_seq)
    INTO named, groups
    FROM payments.groups_of(p_town, CASE WHEN p_targets = '{}' THEN p_ids ELSE p_ids || p_targets END) AS found;
    IF groups IS NOT NULL THEN
        SELECT json_agg(row_to_json(line)) INTO lines FROM payments.lines(p_town, groups) AS line;
    END IF;
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION payments.gather IS 'What koinon.payments.operations.perform plans from. Locks until the transaction ends.';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA payments FROM PUBLIC;
GRANT USAGE ON SCHEMA payments TO koinon_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA payments TO koinon_app;
