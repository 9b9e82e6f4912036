-- Forget what was registered of a household besides its size, band and neighbourhood, and since when it has lived here.
--
-- party_id  uuid
UPDATE parties_household
SET children_born = '[]'::jsonb, statuses = '[]'::jsonb, resident_since = NULL
WHERE party_id = %(party_id)s;
