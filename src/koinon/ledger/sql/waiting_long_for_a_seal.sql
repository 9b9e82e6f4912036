-- How many rows of a town's journal were posted more than an hour ago and lie in no block. Locks nothing.
--
-- town_id integer
SELECT count(*) FROM ledger.journal AS line
WHERE line.town_id = %(town_id)s
  AND line.seq >= coalesce((SELECT c.seq_to FROM ledger.chain AS c WHERE c.town_id = %(town_id)s), 0)
  AND line.posted_at < clock_timestamp() - interval '1 hour';
