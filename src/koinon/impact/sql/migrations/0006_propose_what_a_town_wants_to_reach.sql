-- What somebody wants the town to reach, until a second person says yes or no: it then stands in impact.target.
SET LOCAL lock_timeout = '5s';

CREATE TABLE impact.target_proposal (
    id uuid PRIMARY KEY,
    town_id integer NOT NULL,
    indicator text NOT NULL,
    part text NOT NULL,
    by_day date NOT NULL,
    from_day date NOT NULL,
    value numeric NOT NULL,
    source text NOT NULL,
    state text NOT NULL DEFAULT 'proposed',
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    reason text NOT NULL DEFAULT '',
    CONSTRAINT it_begins_before_it_ends CHECK (from_day <= by_day),
    CONSTRAINT value_has_no_more_than_nine_places CHECK (value = round(value, 9)),
    CONSTRAINT state_is_known CHECK (state IN ('proposed', 'confirmed', 'declined', 'withdrawn')),
    CONSTRAINT a_decision_is_somebodys CHECK (
        (state = 'proposed') = (decided_by IS NULL) AND (state = 'proposed') = (decided_at IS NULL)
    ),
    CONSTRAINT a_second_person_confirms CHECK (state <> 'confirmed' OR decided_by <> proposed_by),
    CONSTRAINT proposed_by_is_opaque CHECK (proposed_by ~ '^[A-Za-z0-9:._/#-]{1,80}$'),
    CONSTRAINT decided_by_is_opaque CHECK (decided_by ~ '^[A-Za-z0-9:._/#-]{1,80}$')
);
CREATE INDEX target_proposal_of_town ON impact.target_proposal (town_id, proposed_at);
COMMENT ON TABLE impact.target_proposal IS 'Targets as they were proposed, and what was decided of each: the record stays.';
COMMENT ON COLUMN impact.target_proposal.part IS 'Which part of an indicator that has several; empty for the whole.';
COMMENT ON COLUMN impact.target_proposal.from_day IS 'From which local day on it is to be shown beside the figure; never before the day of its confirmation.';
COMMENT ON COLUMN impact.target_proposal.value IS 'In the indicator''s own unit, as impact.target has it.';
COMMENT ON COLUMN impact.target_proposal.state IS 'proposed, confirmed by a second person, declined by one, or withdrawn by whoever proposed it.';

GRANT SELECT, INSERT ON impact.target_proposal TO koinon_app;
GRANT UPDATE (state, decided_by, decided_at, reason) ON impact.target_proposal TO koinon_app;
