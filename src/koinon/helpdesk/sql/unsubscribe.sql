-- Keep that a party wants no statement each month any more.
--
-- town_id integer, party uuid
DELETE FROM helpdesk.subscriber AS s WHERE s.town_id = %(town_id)s AND s.party = %(party)s;
