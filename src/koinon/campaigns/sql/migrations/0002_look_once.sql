-- All that granting and undoing look at, in one call whose plans are kept.
SET LOCAL lock_timeout = '5s';

-- For each payer and payee in parallel (NULL for a top-up): whether the payer is a resident and the payee a shop; whether the two are
-- related: somebody may act for both, or they share a bank account, telephone or address for mail, where the payer
-- stands for the whole household; and against whose most a bonus counts: the person, or everybody of the
-- household whose purse pays, or the household where nobody is registered in it. Earners are looked at only where something may be
-- granted. Purses are those of all payers and of the funds of these campaigns, closed ones too.
CREATE FUNCTION campaigns.look(
    p_town integer, p_campaigns uuid [], p_giving boolean, p_payers uuid [], p_payees uuid [], p_parties uuid [],
    p_sources uuid [], p_unit text
) RETURNS TABLE (given text, earners text, bonus_funds text, persons text, purses text, escrows text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
AS $$
#variable_conflict use_column
DECLARE
    people uuid[];
    earning uuid[];
    funds uuid[];
BEGIN
    SELECT json_agg(json_build_array(
               b.id, b.campaign_id, b.source, b.party, b.persons, b.purse, b.paid_minor, b.amount_minor, b.due_back_minor,
               b.undone_minor
           ) ORDER BY b.id)
    INTO given
    FROM campaigns.bonus AS b
    WHERE b.town_id = p_town AND b.id IN (
        SELECT found.id FROM campaigns.bonus AS found WHERE found.town_id = p_town AND found.source = ANY(p_sources)
        UNION
        SELECT owed.id FROM campaigns.bonus AS owed
        WHERE
            owed.town_id = p_town AND owed.party = ANY(p_parties) AND owed.due_back_minor > owed.undone_minor
            AND owed.campaign_id = ANY(p_campaigns)
    );
    SELECT array_agg(whose.person::uuid) INTO people
    FROM json_array_elements(given::json) AS one
    CROSS JOIN LATERAL json_array_elements_text(one -> 4) AS whose (person);

    IF p_giving THEN
        WITH pair AS (
            SELECT asked.payer, asked.payee, payer.kind AS payer_kind, payee.kind AS payee_kind,
                   coalesce(own.household_id, CASE WHEN payer.kind = 'household' THEN payer.id END) AS household
            FROM (
                SELECT DISTINCT wanted.payer, wanted.payee FROM unnest(p_payers, p_payees) AS wanted (payer, payee)
            ) AS asked
            INNER JOIN public.parties_party AS payer ON payer.id = asked.payer AND payer.town_id = p_town
            LEFT JOIN public.parties_party AS payee ON payee.id = asked.payee AND payee.town_id = p_town
            LEFT JOIN public.parties_person AS own ON own.party_id = asked.payer
        ), near AS (
            SELECT
                pair.payer, pair.payee, pair.payer_kind, pair.payee_kind, house.people,
                array_remove(ARRAY[pair.payer, pair.household] || house.people, NULL) AS parties,
                CASE
                    WHEN pair.payer_kind = 'household' THEN coalesce(house.people, ARRAY[pair.payer]) ELSE ARRAY[pair.payer]
                END AS persons
            FROM pair
            CROSS JOIN LATERAL (
                SELECT array_agg(of_it.party_id) AS people
                FROM public.parties_person AS of_it WHERE of_it.household_id = pair.household
            ) AS house
        ), earner AS (
            SELECT
                near.payer, near.payee, near.persons,
                json_build_array(
                    near.payer, near.payee, near.payer_kind IN ('person', 'household'),
                    coalesce(near.payee_kind IN ('organisation', 'public_body'), FALSE),
                    coalesce(near.payee = ANY(near.parties), FALSE)
                    OR EXISTS (
                        SELECT FROM public.parties_rolegrant AS theirs
                        INNER JOIN public.parties_rolegrant AS ours
                            ON ours.user_id = theirs.user_id AND ours.party_id = ANY(near.parties)
                        WHERE theirs.party_id = near.payee
                    )
                    OR EXISTS (
                        SELECT FROM public.parties_vaultlookup AS theirs
                        INNER JOIN public.parties_vaultlookup AS ours
                            ON
                                ours.town_id = theirs.town_id AND ours.kind = theirs.kind
                                AND ours.digest = theirs.digest AND ours.party_id = ANY(near.parties)
                        WHERE theirs.party_id = near.payee
                    ),
                    near.persons
                ) AS row
            FROM near
        ), each_person AS (
            SELECT whose.person FROM earner CROSS JOIN LATERAL unnest(earner.persons) AS whose (person)
        )
        SELECT (SELECT json_agg(earner.row) FROM earner), (SELECT array_agg(each_person.person) FROM each_person)
        INTO earners, earning;
        people := people || earning;
        SELECT json_agg(DISTINCT c.fund_id) INTO bonus_funds
        FROM campaigns.campaign AS c WHERE c.town_id = p_town AND c.state IN ('running', 'ended');
    END IF;

    SELECT json_agg(json_build_array(p.campaign_id, p.person, p.granted_minor)) INTO persons
    FROM campaigns.person AS p
    WHERE p.town_id = p_town AND p.campaign_id = ANY(p_campaigns) AND p.person = ANY(people);

    SELECT array_agg(DISTINCT c.fund_id) INTO funds
    FROM campaigns.campaign AS c WHERE c.town_id = p_town AND c.id = ANY(p_campaigns);
    SELECT json_agg(json_build_array(
               acc.id, acc.holder, acc.fund, acc.closed_at IS NULL,
               acc.credits_posted - acc.debits_posted - acc.debits_held,
               acc.ceiling_minor - (acc.credits_posted - acc.debits_posted + acc.credits_held)
           ))
    INTO purses
    FROM ledger.account AS acc
    WHERE
        acc.town_id = p_town AND acc.holder = ANY(p_parties) AND acc.kind = 'purse' AND acc.fund = ANY(funds)
        AND acc.unit = p_unit;

    SELECT json_agg(json_build_array(acc.holder, acc.id)) INTO escrows
    FROM ledger.account AS acc
    WHERE
        acc.town_id = p_town AND acc.holder = ANY(p_campaigns) AND acc.kind = 'escrow' AND acc.fund = ANY(funds)
        AND acc.unit = p_unit;
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION campaigns.look IS 'What koinon.campaigns.granting decides from, once the campaigns and the payers'' purses are locked. Locks nothing.';
COMMENT ON INDEX campaigns.bonus_still_due IS 'Serves campaigns.look and campaigns/sql/owing.sql.';
REVOKE EXECUTE ON FUNCTION campaigns.look FROM PUBLIC;
GRANT EXECUTE ON FUNCTION campaigns.look TO koinon_app;
