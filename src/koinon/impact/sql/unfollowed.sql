-- How many movements of a town's units lie beyond where its books were followed. Locks nothing.
--
-- town_id integer
-- seq_to  bigint   how far they were followed
SELECT count(*) FROM ledger.journal AS line
WHERE line.town_id = %(town_id)s AND line.seq >= %(seq_to)s AND line.kind NOT IN ('h', 'g');
