-- What was paid in a town since an instant, by local month: the volume of payments as the authority counts it.
--
-- town_id integer, zone text (IANA), since timestamptz (not included), until timestamptz (included)
--
-- Every payment executed counts with its whole amount, refunded later or not; what the town itself issues, redeems or
-- takes back does not. A row counts on the day that it
-- names, whenever it was posted, as in the journal and the year. No lock.
SELECT
    date_trunc('month', line.effective_at AT TIME ZONE %(zone)s::text)::date AS month,
    count(*) FILTER (WHERE line.leg = 0) AS payments,
    sum(line.amount_minor)::bigint AS minor
FROM ledger.journal AS line
WHERE
    line.town_id = %(town_id)s AND line.code = 6 AND line.kind IN ('t', 'c', 'C')
    AND line.effective_at > %(since)s AND line.effective_at <= %(until)s
GROUP BY 1
ORDER BY 1;
