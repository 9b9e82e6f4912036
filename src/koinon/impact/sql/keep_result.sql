-- Keep what following a town's books says by now, and leave the lots where they were kept the last time.
--
-- town_id integer, convention text, seq_to bigint, rows bigint, result text (JSON), digest text, at timestamptz, actor text
UPDATE impact.followed SET
    seq_to = %(seq_to)s, rows = %(rows)s, result = %(result)s::jsonb, digest = %(digest)s, followed_at = %(at)s,
    followed_by = %(actor)s
WHERE town_id = %(town_id)s AND convention = %(convention)s;
