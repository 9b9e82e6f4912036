-- Everything that was done to one thing, newest first.
--
-- town_id  integer
-- subject  text     kind:<id>
-- size     integer  how many at the most
SELECT id, at, actor, action, subject, reason, before, after
FROM audit.entry
WHERE town_id = %(town_id)s AND subject = %(subject)s
ORDER BY id DESC
LIMIT %(size)s;
