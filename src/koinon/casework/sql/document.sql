-- One document with its content, still sealed.
--
-- town_id integer, complaint uuid, document uuid
--
-- At most one row. Locks nothing.
SELECT d.id, d.key_party, d.media_type, d.sealed_name, d.sealed
FROM casework.document AS d
WHERE d.town_id = %(town_id)s AND d.complaint = %(complaint)s AND d.id = %(document)s AND d.removed_at IS NULL;
