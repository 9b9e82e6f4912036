-- What was bought, where a till says it; versions of rules, sizes of enterprises and caps by the month in what a batch reads.
SET LOCAL lock_timeout = '5s';

CREATE TABLE payments.bought (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    category text NOT NULL,
    CONSTRAINT bought_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT category_is_a_word CHECK (category ~ '^[a-z0-9][a-z0-9-]{0,39}$')
);
COMMENT ON TABLE payments.bought IS 'What a payment or hold was for, as the till said; append-only. Payments of which nothing was said have no row.';
COMMENT ON COLUMN payments.bought.id IS 'The id of the payment or hold.';
GRANT SELECT ON payments.bought TO koinon_app;

-- Write down what payments and holds that were posted in this transaction were for.
--
-- p_id uuid[], p_category text[]  side by side
CREATE FUNCTION payments.note_bought(p_town integer, p_id uuid [], p_category text []) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog
AS $$
    INSERT INTO payments.bought (town_id, id, category)
    SELECT p_town, said.id, said.category FROM unnest(p_id, p_category) AS said (id, category);
$$;
COMMENT ON FUNCTION payments.note_bought IS 'The only way to write payments.bought. An id of which something was said before is an error of ours.';

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
CREATE OR REPLACE FUNCTION payments.gather(
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
    by_day uuid[];
    by_cycle uuid[];
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
               organisation.accepts_since, coalesce(organisation.active, true) AND party.erased_at IS NULL,
               coalesce(organisation.size_class, '')))
    INTO payees
    FROM public.parties_party AS party
    LEFT JOIN public.parties_organisation AS organisation ON organisation.party_id = party.id
    LEFT JOIN public.parties_household AS household ON household.party_id = party.id
    LEFT JOIN public.parties_person AS person ON person.party_id = party.id
    LEFT JOIN public.parties_zone AS zone
        ON zone.id = coalesce(organisation.zone_id, household.zone_id, person.zone_id)
    WHERE party.town_id = p_town AND party.id = ANY(p_payees);

    -- A fund's own record says what held first, and what holds from later days on. Which of them decides is for the local
    -- day of each payment to say, so all are handed over: there are few, and mostly none.
    IF fund_ids IS NOT NULL THEN
        SELECT json_agg(json_build_array(fund.id, fund.name, fund.rule::text, fund.spend_from, fund.last_day,
                                         fund.later::text)),
               array_agg(fund.id) FILTER (WHERE fund.rule ? 'per_day_minor' OR fund.later @? '$[*][1].per_day_minor'),
               array_agg(fund.id) FILTER (WHERE fund.rule ? 'per_cycle_minor' OR fund.later @? '$[*][1].per_cycle_minor')
        INTO funds, by_day, by_cycle
        FROM public.programmes_fund AS fund WHERE fund.id = ANY(fund_ids);
    END IF;
    IF by_day IS NOT NULL OR by_cycle IS NOT NULL THEN
        SELECT array_agg(DISTINCT (asked.at AT TIME ZONE of_town.time_zone)::date) INTO days FROM unnest(p_at) AS asked (at);
    END IF;
    IF by_day IS NOT NULL AND by_cycle IS NULL THEN
        SELECT array_agg(acc.id) INTO limited FROM ledger.account AS acc
        WHERE acc.town_id = p_town AND acc.holder = ANY(p_payers) AND acc.kind = 'purse' AND acc.fund = ANY(by_day)
              AND acc.unit = of_town.unit_code;
        SELECT json_agg(json_build_array(paid.account, paid.day, paid.minor)) INTO spent
        FROM payments.spent_by_day(p_town, limited, days) AS paid;
    END IF;
    IF by_cycle IS NOT NULL THEN  -- Then every day of the months that are asked about counts.
        SELECT array_agg(acc.id) INTO limited FROM ledger.account AS acc
        WHERE acc.town_id = p_town AND acc.holder = ANY(p_payers) AND acc.kind = 'purse'
              AND acc.fund = ANY(by_day || by_cycle) AND acc.unit = of_town.unit_code;
        SELECT array_agg(DISTINCT one.day::date) INTO days
        FROM unnest(days) AS asked (day)
        CROSS JOIN LATERAL generate_series(
            date_trunc('month', asked.day::timestamp),
            date_trunc('month', asked.day::timestamp) + interval '1 month - 1 day', interval '1 day'
        ) AS one (day);
        SELECT json_agg(json_build_array(paid.account, paid.day, paid.minor)) INTO spent
        FROM payments.spent_by_day(p_town, limited, days) AS paid;
    END IF;

    SELECT json_agg(json_build_array(found.id, found.first_seq, found.leg)), array_agg(DISTINCT found.first_seq)
    INTO named, groups
    FROM payments.groups_of(p_town, CASE WHEN p_targets = '{}' THEN p_ids ELSE p_ids || p_targets END) AS found;
    IF groups IS NOT NULL THEN
        SELECT json_agg(json_build_array(known.one -> 0, known.one -> 1, known.one -> 2, bought.category)) INTO named
        FROM json_array_elements(named::json) AS known (one)
        LEFT JOIN payments.bought AS bought ON bought.town_id = p_town AND bought.id = (known.one ->> 0)::uuid;
        SELECT json_agg(row_to_json(line)) INTO lines FROM payments.lines(p_town, groups) AS line;
    END IF;
    RETURN NEXT;
END $$;


REVOKE EXECUTE ON FUNCTION payments.note_bought FROM PUBLIC;
GRANT EXECUTE ON FUNCTION payments.note_bought TO koinon_app;
