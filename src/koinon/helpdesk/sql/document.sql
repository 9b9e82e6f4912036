-- One document with its content, still sealed.
--
-- town_id integer, party uuid, document uuid
--
-- At most one row. Locks nothing.
SELECT d.id, d.media_type, d.sealed_name, d.sealed
FROM helpdesk.document AS d
WHERE d.town_id = %(town_id)s AND d.party = %(party)s AND d.id = %(document)s AND d.removed_at IS NULL;
