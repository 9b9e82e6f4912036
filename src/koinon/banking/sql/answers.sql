-- What a status report said and what became of it, in the order of the file.
--
-- town_id, file
SELECT a.number AS place, a.payment_id, a.status, a.reason, a.outcome
FROM banking.answer AS a
WHERE a.town_id = %(town_id)s AND a.file_id = %(file)s
ORDER BY a.number;
