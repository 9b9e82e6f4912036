-- How much of each of some transfers has been reversed already, in minor units. Locks nothing.
--
-- town_id integer, originals uuid[]
--
-- One row (original uuid, reversed_minor bigint) for each original with at least one reversal.
SELECT first.id AS original, sum(undo.amount_minor)::bigint AS reversed_minor
FROM ledger.journal AS first
INNER JOIN ledger.target AS aim ON aim.town_id = first.town_id AND aim.target_seq = first.seq
INNER JOIN ledger.journal AS undo ON undo.town_id = aim.town_id AND undo.seq = aim.seq AND undo.kind IN ('r', 'R')
WHERE first.town_id = %(town_id)s AND first.id = ANY(%(originals)s::uuid[])
  AND first.seq >= ledger.oldest_seq(%(town_id)s, %(originals)s::uuid[])
GROUP BY first.id;
