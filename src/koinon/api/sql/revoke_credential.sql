-- Take a credential out of force for good; its tokens with it.
--
-- town_id integer, id uuid, at timestamptz, actor text
--
-- Touches one row, or none where there is none in force.
UPDATE api.credential
SET revoked_at = %(at)s, revoked_by = %(actor)s
WHERE town_id = %(town_id)s AND id = %(id)s AND revoked_at IS NULL;
