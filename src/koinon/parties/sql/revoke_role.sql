-- Stop a user acting in a town.
--
-- user_id bigint, town_id integer, role text, party_id uuid or null
DELETE FROM parties_rolegrant
WHERE
    user_id = %(user_id)s AND town_id = %(town_id)s AND role = %(role)s
    AND party_id IS NOT DISTINCT FROM %(party_id)s::uuid;
