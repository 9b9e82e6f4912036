-- An entry is matched: its reasons for being listed and what the bank said of people are forgotten.
--
-- town_id, entry, at
UPDATE banking.entry AS e SET matched_at = %(at)s, grounds = '[]', sealed = NULL
WHERE e.town_id = %(town_id)s AND e.id = %(entry)s;
