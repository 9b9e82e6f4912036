-- How many transfers of a town were posted more than an hour ago and lie in no block. Locks nothing.
--
-- town_id integer
SELECT count(*) FROM ledger.transfer AS t
WHERE t.town_id = %(town_id)s
  AND t.tx >= coalesce((SELECT c.tx_to FROM ledger.chain AS c WHERE c.town_id = %(town_id)s), 0)
  AND t.posted_at < clock_timestamp() - interval '1 hour';
