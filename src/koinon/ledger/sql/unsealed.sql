-- How many transfers lie outside every sealed block: beyond the head, or (never) before it. Locks nothing.
--
-- town_id integer
SELECT count(*) FROM ledger.transfer AS t
WHERE t.town_id = %(town_id)s
  AND t.tx >= coalesce((SELECT c.tx_to FROM ledger.chain AS c WHERE c.town_id = %(town_id)s), 0);
