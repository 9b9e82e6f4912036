-- The standing orders of a town, or one business's.
--
-- town_id integer, party uuid or NULL
--
-- Rows (party uuid, keep_minor bigint, upto date, set_at timestamptz) in the order of parties. Locks nothing.
SELECT kept.party, kept.keep_minor, kept.upto, kept.set_at
FROM treasury.standing_order AS kept
WHERE kept.town_id = %(town_id)s AND (%(party)s::uuid IS NULL OR kept.party = %(party)s)
ORDER BY kept.party;
