-- Forget what an entry was matched with; only where nothing in the books stands for it.
--
-- town_id, entry
DELETE FROM banking.match AS m
WHERE m.town_id = %(town_id)s AND m.entry_id = %(entry)s AND m.kind IN ('charge', 'own', 'other');
