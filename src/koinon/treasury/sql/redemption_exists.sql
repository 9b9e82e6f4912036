-- Whether the town has this redemption.
--
-- town_id     integer
-- redemption  uuid
SELECT EXISTS (
    SELECT 1 FROM treasury.redemption AS r WHERE r.town_id = %(town_id)s AND r.id = %(redemption)s
) AS redemption_exists;
