-- Publish a month, once.
--
-- town_id integer, month text (2027-03), content text (JSON), at timestamptz, actor text
INSERT INTO impact.published (town_id, month, content, published_at, published_by)
VALUES (%(town_id)s, %(month)s, %(content)s::jsonb, %(at)s, %(actor)s)
ON CONFLICT DO NOTHING;
