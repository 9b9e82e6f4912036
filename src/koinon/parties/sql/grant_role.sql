-- Let a user act in a town, unless the user already may.
--
-- user_id bigint, town_id integer, role text, party_id uuid or null
INSERT INTO parties_rolegrant (user_id, town_id, role, party_id)
VALUES (%(user_id)s, %(town_id)s, %(role)s, %(party_id)s::uuid)
ON CONFLICT DO NOTHING;
