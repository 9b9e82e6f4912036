-- Keep what refunds undid of bonuses, and what of that was taken back.
--
-- town_id  integer
-- bonuses  jsonb  a list of (id, due_back_minor, undone_minor) as they are now
UPDATE campaigns.bonus AS b
SET due_back_minor = now.due_back_minor, undone_minor = now.undone_minor
FROM jsonb_to_recordset(%(bonuses)s) AS now (id uuid, due_back_minor bigint, undone_minor bigint)
WHERE b.town_id = %(town_id)s AND b.id = now.id;
