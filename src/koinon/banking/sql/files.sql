-- Files from the bank, newest first.
--
-- town_id  integer
-- file     uuid or NULL
-- digest   bytea or NULL
-- size     integer  at most so many
--
-- No lock.
SELECT f.id, f.name, f.account_id, f.sealed, f.imported_at, f.imported_by
FROM banking.file AS f
WHERE
    f.town_id = %(town_id)s
    AND (%(file)s::uuid IS NULL OR f.id = %(file)s)
    AND (%(digest)s::bytea IS NULL OR f.digest = %(digest)s)
ORDER BY f.uploaded_at DESC, f.id DESC
LIMIT %(size)s;
