-- When a row that was written just now was posted.
--
-- town_id integer, id uuid
--
-- One row (posted_at timestamptz). It stands in the month that the town's journal is written in. All rows of a batch were posted at once.
SELECT line.posted_at
FROM ledger.journal AS line
WHERE
    line.town_id = %(town_id)s AND line.id = %(id)s
    AND line.seq >= (SELECT max(period.month)::bigint << 50 FROM ledger.period WHERE period.town_id = %(town_id)s);
