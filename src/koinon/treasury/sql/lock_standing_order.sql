-- A business's standing order, locked: two who ask for the same run take turns.
--
-- town_id integer, party uuid
--
-- At most one row (party uuid, keep_minor bigint, upto date, set_at timestamptz).
SELECT kept.party, kept.keep_minor, kept.upto, kept.set_at
FROM treasury.standing_order AS kept
WHERE kept.town_id = %(town_id)s AND kept.party = %(party)s
FOR NO KEY UPDATE;
