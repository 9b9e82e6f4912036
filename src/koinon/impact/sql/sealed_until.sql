-- Up to where a town's books are sealed (excluded), 0 where nothing is: below it no row can appear or change.
--
-- town_id integer
SELECT coalesce((SELECT c.seq_to FROM ledger.chain AS c WHERE c.town_id = %(town_id)s), 0) AS seq_to;
