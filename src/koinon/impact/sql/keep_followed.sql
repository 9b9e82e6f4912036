-- Keep how far a town's books were followed, in the place of what was kept before.
--
-- town_id integer, convention text, seq_to bigint, rows bigint, known bytea, state bytea, result text (JSON), digest text,
-- began_at timestamptz, at timestamptz, actor text
INSERT INTO impact.followed
(town_id, convention, seq_to, rows, known, state, result, digest, began_at, followed_at, followed_by)
VALUES
(
    %(town_id)s, %(convention)s, %(seq_to)s, %(rows)s, %(known)s, %(state)s, %(result)s::jsonb, %(digest)s,
    %(began_at)s, %(at)s, %(actor)s
)
ON CONFLICT (town_id, convention) DO UPDATE SET
    seq_to = excluded.seq_to, rows = excluded.rows, known = excluded.known, state = excluded.state,
    result = excluded.result, digest = excluded.digest, began_at = excluded.began_at,
    followed_at = excluded.followed_at, followed_by = excluded.followed_by;
