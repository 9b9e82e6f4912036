-- Whether a party asked for a statement each month.
--
-- town_id integer, party uuid
--
-- One row (monthly boolean). Locks nothing.
SELECT EXISTS (
    SELECT FROM helpdesk.subscriber AS s WHERE s.town_id = %(town_id)s AND s.party = %(party)s
) AS monthly;
