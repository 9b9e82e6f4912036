-- Keep what a month's trace says, once.
--
-- town_id integer, month text (2027-03), convention text, seq_to bigint, rows bigint, result text (JSON), digest text,
-- ends text (JSON or NULL), at timestamptz, actor text
INSERT INTO impact.month_trace (town_id, month, convention, seq_to, rows, result, digest, ends, traced_at, traced_by)
VALUES (
    %(town_id)s, %(month)s, %(convention)s, %(seq_to)s, %(rows)s, %(result)s::jsonb, %(digest)s, %(ends)s::jsonb,
    %(at)s, %(actor)s
)
ON CONFLICT DO NOTHING;
