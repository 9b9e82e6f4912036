-- Bonus campaigns, the bonuses they granted, and how much each person has got.
SET LOCAL lock_timeout = '5s';

CREATE SCHEMA campaigns;
COMMENT ON SCHEMA campaigns IS 'Bonus campaigns on purchases and top-ups.';

CREATE TABLE campaigns.campaign (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    fund_id uuid NOT NULL,
    trigger text NOT NULL,
    share_numerator integer NOT NULL,
    share_denominator integer NOT NULL,
    minimum_minor bigint NOT NULL,
    person_most_minor bigint,
    ceiling_minor bigint NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    alert_percent smallint NOT NULL,
    excluded_funds uuid [] NOT NULL,
    shops jsonb NOT NULL,
    terms_url text NOT NULL,
    state text NOT NULL DEFAULT 'draft',
    granted_minor bigint NOT NULL DEFAULT 0,
    alerted_at timestamptz,
    drafted_by text NOT NULL,
    drafted_at timestamptz NOT NULL,
    submitted_by text,
    submitted_at timestamptz,
    approved_by text,
    approved_at timestamptz,
    ended_by text,
    ended_at timestamptz,
    reason text NOT NULL DEFAULT '',
    CONSTRAINT campaign_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT campaign_code_in_town UNIQUE (town_id, code),
    CONSTRAINT trigger_is_known CHECK (trigger IN ('purchase', 'topup')),
    CONSTRAINT state_is_known CHECK (state IN ('draft', 'submitted', 'running', 'ended', 'cancelled')),
    CONSTRAINT code_is_short CHECK (code ~ '^[a-z0-9-]{1,50}$'),
    CONSTRAINT share_is_a_share CHECK (share_numerator > 0 AND share_denominator >= share_numerator),
    CONSTRAINT amounts_make_sense CHECK (minimum_minor >= 0 AND ceiling_minor > 0 AND person_most_minor > 0),
    CONSTRAINT ceiling_is_kept CHECK (granted_minor BETWEEN 0 AND ceiling_minor),
    CONSTRAINT ends_after_it_begins CHECK (last_day >= first_day),
    CONSTRAINT alert_is_a_percentage CHECK (alert_percent BETWEEN 1 AND 100),
    CONSTRAINT two_people CHECK (approved_by <> drafted_by AND approved_by <> submitted_by),
    CONSTRAINT submitted_says_when CHECK (
        num_nulls(submitted_by, submitted_at) IN (0, 2)
        AND (state NOT IN ('submitted', 'running', 'ended') OR submitted_at IS NOT NULL)
    ),
    CONSTRAINT released_before_it_runs CHECK (
        num_nulls(approved_by, approved_at) IN (0, 2) AND ((state IN ('running', 'ended')) = (approved_at IS NOT NULL))
    ),
    CONSTRAINT ended_says_when CHECK (
        num_nulls(ended_by, ended_at) IN (0, 2) AND ((state IN ('ended', 'cancelled')) = (ended_at IS NOT NULL))
    )
);
COMMENT ON TABLE campaigns.campaign IS 'A bonus campaign: drawn up, submitted, released by a second person, running, ended. Its ceiling is issued into an escrow of its own.';
COMMENT ON COLUMN campaigns.campaign.fund_id IS 'Whose reserve pays the bonuses, and whose rule and last day they have.';
COMMENT ON COLUMN campaigns.campaign.minimum_minor IS 'Smallest amount that earns a bonus, in minor units; 0 is any.';
COMMENT ON COLUMN campaigns.campaign.person_most_minor IS 'Most that one person gets over all their accounts, in minor units; NULL is no such limit.';
COMMENT ON COLUMN campaigns.campaign.excluded_funds IS 'Money of these funds earns nothing; bonus money of any campaign never does.';
COMMENT ON COLUMN campaigns.campaign.shops IS 'Where purchases earn, in the words of a spending rule.';
COMMENT ON COLUMN campaigns.campaign.granted_minor IS 'Bonuses granted less what was taken back of them. Changed under the lock of this row only.';
COMMENT ON COLUMN campaigns.campaign.alerted_at IS 'When the town was told that most of the ceiling is granted; empty again when refunds brought it back.';
COMMENT ON COLUMN campaigns.campaign.reason IS 'Why it was stopped before its last day, or cancelled, or handed back.';
CREATE INDEX campaign_that_runs ON campaigns.campaign (town_id, trigger) WHERE state = 'running';
COMMENT ON INDEX campaigns.campaign_that_runs IS 'Serves campaigns/sql/lock_campaigns.sql and payments/sql/listened.sql.';

CREATE TABLE campaigns.bonus (
    town_id integer NOT NULL,
    id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    source uuid NOT NULL,
    party uuid NOT NULL,
    persons uuid [] NOT NULL,
    purse integer NOT NULL,
    paid_minor bigint NOT NULL,
    earning_minor bigint NOT NULL,
    amount_minor bigint NOT NULL,
    due_back_minor bigint NOT NULL DEFAULT 0,
    undone_minor bigint NOT NULL DEFAULT 0,
    granted_at timestamptz NOT NULL,
    CONSTRAINT bonus_pkey PRIMARY KEY (town_id, id),
    CONSTRAINT campaign_of_the_bonus FOREIGN KEY (town_id, campaign_id) REFERENCES campaigns.campaign (town_id, id),
    CONSTRAINT one_bonus_of_a_campaign UNIQUE (town_id, source, campaign_id),
    CONSTRAINT somebody_has_it CHECK (cardinality(persons) > 0),
    CONSTRAINT amounts_make_sense CHECK (
        amount_minor > 0 AND earning_minor BETWEEN amount_minor AND paid_minor
        AND due_back_minor BETWEEN 0 AND amount_minor AND undone_minor BETWEEN 0 AND due_back_minor
    )
);
COMMENT ON TABLE campaigns.bonus IS 'What a campaign granted on one purchase or top-up. Its id is that of the transfer.';
COMMENT ON COLUMN campaigns.bonus.source IS 'The payment or top-up.';
COMMENT ON COLUMN campaigns.bonus.persons IS 'Against whose most it counts: the payer, or everybody of the household whose purse paid.';
COMMENT ON COLUMN campaigns.bonus.purse IS 'The ledger account that got it.';
COMMENT ON COLUMN campaigns.bonus.paid_minor IS 'The whole price or top-up; refunds undo the bonus in proportion to it.';
COMMENT ON COLUMN campaigns.bonus.earning_minor IS 'The part of it that earned the bonus.';
COMMENT ON COLUMN campaigns.bonus.due_back_minor IS 'What refunds have undone of it.';
COMMENT ON COLUMN campaigns.bonus.undone_minor IS 'What of that was taken back; the rest was spent before and is taken when bonus money comes to the purse again.';
CREATE INDEX bonus_still_due ON campaigns.bonus (town_id, party) WHERE due_back_minor > undone_minor;
COMMENT ON INDEX campaigns.bonus_still_due IS 'Serves campaigns/sql/bonuses_looked_at.sql.';
CREATE INDEX bonus_of_campaign ON campaigns.bonus (town_id, campaign_id, id);
COMMENT ON INDEX campaigns.bonus_of_campaign IS 'Serves campaigns/sql/bonuses.sql.';

CREATE TABLE campaigns.person (
    town_id integer NOT NULL,
    campaign_id uuid NOT NULL,
    person uuid NOT NULL,
    granted_minor bigint NOT NULL,
    CONSTRAINT person_pkey PRIMARY KEY (town_id, campaign_id, person),
    CONSTRAINT campaign_of_the_person FOREIGN KEY (town_id, campaign_id) REFERENCES campaigns.campaign (town_id, id),
    CONSTRAINT granted_is_not_negative CHECK (granted_minor >= 0)
);
COMMENT ON TABLE campaigns.person IS 'What each person has got from a campaign over all accounts, net of what was taken back; changed under the campaign''s lock only.';
COMMENT ON COLUMN campaigns.person.person IS 'A person by the opaque id, or a household nobody is registered in.';

-- Lock a party's purses until the transaction ends, lowest id first, before what else is posted to; how many there are.
CREATE FUNCTION campaigns.lock_purses(p_town integer, p_party uuid) RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, ledger
AS $$
    SELECT count(*) FROM (
        SELECT acc.id FROM ledger.account AS acc
        WHERE acc.town_id = p_town AND acc.holder = p_party AND acc.kind = 'purse'
        ORDER BY acc.id FOR NO KEY UPDATE
    ) AS locked
$$;
COMMENT ON FUNCTION campaigns.lock_purses IS 'For top-ups, whose bonus may take back what was undone before; payments lock theirs in payments.gather.';
REVOKE EXECUTE ON FUNCTION campaigns.lock_purses FROM PUBLIC;
GRANT EXECUTE ON FUNCTION campaigns.lock_purses TO koinon_app;

GRANT USAGE ON SCHEMA campaigns TO koinon_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA campaigns TO koinon_app;
GRANT UPDATE (
    name, fund_id, trigger, share_numerator, share_denominator, minimum_minor, person_most_minor, ceiling_minor,
    first_day, last_day, alert_percent, excluded_funds, shops, terms_url, state, granted_minor, alerted_at,
    submitted_by, submitted_at, approved_by, approved_at, ended_by, ended_at, reason
) ON campaigns.campaign TO koinon_app;
GRANT UPDATE (due_back_minor, undone_minor) ON campaigns.bonus TO koinon_app;
GRANT UPDATE (granted_minor) ON campaigns.person TO koinon_app;
