-- Keep a prepared cycle.
--
-- id uuid, programme_id uuid, month text, actor text, now timestamptz, total_minor bigint, count integer,
-- terms text (JSON)
INSERT INTO programmes_cycle (
    id, programme_id, month, state, prepared_by, prepared_at, approved_by, disbursed_by, cancelled_by,
    total_minor, count, terms
)
VALUES (
    %(id)s, %(programme_id)s, %(month)s, 'prepared', %(actor)s, %(now)s, '', '', '',
    %(total_minor)s, %(count)s, %(terms)s::jsonb
);
