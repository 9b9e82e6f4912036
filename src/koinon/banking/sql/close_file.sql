-- A file is imported: its content is forgotten. The caller holds its lock.
--
-- town_id, file, at, actor
UPDATE banking.file AS f SET sealed = NULL, imported_at = %(at)s, imported_by = %(actor)s
WHERE f.town_id = %(town_id)s AND f.id = %(file)s;
