-- Remove a document: its content is gone, that it was there stays on record.
--
-- town_id integer, party uuid, document uuid, at timestamptz, actor text
UPDATE helpdesk.document AS d SET sealed = NULL, removed_at = %(at)s, removed_by = %(actor)s
WHERE d.town_id = %(town_id)s AND d.party = %(party)s AND d.id = %(document)s AND d.removed_at IS NULL;
