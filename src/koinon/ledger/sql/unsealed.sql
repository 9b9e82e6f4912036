-- How many rows of the journal lie outside every sealed block: beyond the head, or (never) before it. Locks nothing.
--
-- town_id integer
SELECT count(*) FROM ledger.journal AS line
WHERE line.town_id = %(town_id)s
  AND line.seq >= coalesce((SELECT c.seq_to FROM ledger.chain AS c WHERE c.town_id = %(town_id)s), 0);
