-- Say whether two households are one, who said so and why.
--
-- pair_id uuid, state text (same, different), actor text, now timestamptz, reason text
UPDATE programmes_duplicatepair
SET state = %(state)s, decided_by = %(actor)s, decided_at = %(now)s, reason = %(reason)s
WHERE id = %(pair_id)s;
