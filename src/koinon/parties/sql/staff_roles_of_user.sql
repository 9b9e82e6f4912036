-- The roles of the staff that a user has in a town.
--
-- town_id  integer
-- user_id  bigint
--
-- One row (roles text[]), empty where there is none. Locks nothing.
SELECT coalesce(array_agg(role ORDER BY role), '{}') AS roles
FROM parties_rolegrant
WHERE
    town_id = %(town_id)s AND user_id = %(user_id)s
    AND role IN ('officer', 'approver', 'treasurer', 'auditor', 'coordinator');
