-- What was written on a complaint, oldest first, still sealed.
--
-- town_id integer, complaint uuid
--
-- Locks nothing.
SELECT n.id, n.kind, n.key_party, n.sealed, n.at, n.written_by AS by
FROM casework.note AS n
WHERE n.town_id = %(town_id)s AND n.complaint = %(complaint)s
ORDER BY n.at, n.id;
