-- Keep a proposed exception; nothing where the id is there already.
--
-- id uuid, programme_id uuid, household uuid, kind text, aid_minor bigint or null, first_month text, last_month text,
-- reason text, actor text, now timestamptz
INSERT INTO programmes_aidexception (
    id, programme_id, household_id, kind, aid_minor, first_month, last_month, reason, state, proposed_by, proposed_at,
    decided_by, withdrawn_by
)
VALUES (
    %(id)s, %(programme_id)s, %(household)s, %(kind)s, %(aid_minor)s, %(first_month)s, %(last_month)s, %(reason)s,
    'proposed', %(actor)s, %(now)s, '', ''
)
ON CONFLICT (id) DO NOTHING;
