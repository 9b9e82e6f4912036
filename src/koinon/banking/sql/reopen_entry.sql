-- An entry is listed again. The caller holds its lock and has deleted what it was matched with.
--
-- town_id, entry, grounds
UPDATE banking.entry AS e SET matched_at = NULL, grounds = %(grounds)s
WHERE e.town_id = %(town_id)s AND e.id = %(entry)s;
