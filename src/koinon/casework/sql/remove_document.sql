-- Remove a document: its content is gone, that it was there stays on record.
--
-- town_id integer, complaint uuid, document uuid, at timestamptz, actor text
UPDATE casework.document AS d SET sealed = NULL, removed_at = %(at)s, removed_by = %(actor)s
WHERE d.town_id = %(town_id)s AND d.complaint = %(complaint)s AND d.id = %(document)s AND d.removed_at IS NULL;
