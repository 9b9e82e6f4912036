-- Who looked at some things, newest first: personal data of people, and what was written on complaints.
--
-- town_id   integer
-- subjects  text[]   kind:<id>
-- size      integer  how many at the most
SELECT id, at, actor, action, subject, reason, before, after
FROM audit.entry
WHERE town_id = %(town_id)s AND subject = ANY(%(subjects)s::text[])
    AND action IN ('parties.revealed', 'casework.looked', 'helpdesk.looked', 'helpdesk.document-opened', 'parties.own-data-exported')
ORDER BY id DESC
LIMIT %(size)s;
