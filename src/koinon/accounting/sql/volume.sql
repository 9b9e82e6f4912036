-- What was paid in a town since an instant, by local month: the volume of payments as the authority counts it.
--
-- town_id integer, zone text (IANA), since timestamptz (not included), until timestamptz (included)
--
-- Every payment executed counts with its whole amount, refunded later or not; what the town itself issues, redeems or
-- takes back does not. The journal is read from the month of ``since`` on, by its partitions. No lock.
SELECT
    date_trunc('month', line.effective_at AT TIME ZONE %(zone)s::text)::date AS month,
    count(*) FILTER (WHERE line.leg = 0) AS payments,
    sum(line.amount_minor)::bigint AS minor
FROM ledger.journal AS line
WHERE
    line.town_id = %(town_id)s AND line.code = 6 AND line.kind IN ('t', 'c', 'C')
    AND line.seq >= (greatest(ledger.month_of(%(since)s::timestamptz) - 1, 0)::bigint << 50)
    AND line.effective_at > %(since)s AND line.effective_at <= %(until)s
GROUP BY 1
ORDER BY 1;
