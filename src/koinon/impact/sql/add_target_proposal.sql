-- Propose what a town wants an indicator to be by a day. Touches no row where this id was proposed already.
--
-- id uuid, town_id integer, indicator text, part text, by_day date, from_day date, value numeric, source text,
-- proposed_by text, proposed_at timestamptz
INSERT INTO impact.target_proposal (
    id, town_id, indicator, part, by_day, from_day, value, source, proposed_by, proposed_at
)
VALUES (
    %(id)s, %(town_id)s, %(indicator)s, %(part)s, %(by_day)s, %(from_day)s, %(value)s, %(source)s, %(proposed_by)s,
    %(proposed_at)s
)
ON CONFLICT (id) DO NOTHING;
