-- Say which party holds a new town's own accounts.
--
-- town_id integer, party_id uuid
UPDATE parties_town SET party_id = %(party_id)s WHERE id = %(town_id)s;
