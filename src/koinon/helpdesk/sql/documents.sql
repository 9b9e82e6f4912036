-- The documents of a party that were not removed, without their content.
--
-- town_id integer, party uuid
--
-- Locks nothing.
SELECT d.id, d.about, d.media_type, d.size_bytes, d.sealed_name, d.added_at, d.added_by
FROM helpdesk.document AS d
WHERE d.town_id = %(town_id)s AND d.party = %(party)s AND d.removed_at IS NULL
ORDER BY d.id;
