-- Whether a user has a role in a town.
--
-- user_id  integer
-- town_id  integer
-- role     text
--
-- One row (has boolean). Locks nothing.
SELECT EXISTS (
    SELECT FROM parties_rolegrant WHERE user_id = %(user_id)s AND town_id = %(town_id)s AND role = %(role)s
) AS has;
