-- Forget the content of files that were looked at and not imported.
--
-- town_id  integer
-- before   timestamptz  uploaded before
UPDATE banking.file AS f SET sealed = NULL
WHERE f.town_id = %(town_id)s AND f.uploaded_at < %(before)s AND f.sealed IS NOT NULL;
