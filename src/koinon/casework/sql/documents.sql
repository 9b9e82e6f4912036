-- The documents of a complaint that were not removed, without their content.
--
-- town_id integer, complaint uuid
--
-- Locks nothing.
SELECT d.id, d.key_party, d.media_type, d.size_bytes, d.sealed_name, d.added_at, d.added_by
FROM casework.document AS d
WHERE d.town_id = %(town_id)s AND d.complaint = %(complaint)s AND d.removed_at IS NULL
ORDER BY d.id;
