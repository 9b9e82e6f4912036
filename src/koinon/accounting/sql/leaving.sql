-- What was paid on each local day between two instants.
--
-- town_id integer, zone text (IANA), since timestamptz (not included), until timestamptz (included)
SELECT (line.effective_at AT TIME ZONE %(zone)s::text)::date AS day, sum(line.amount_minor)::bigint AS minor
FROM ledger.journal AS line
WHERE
    line.town_id = %(town_id)s AND line.code = 6 AND line.kind IN ('t', 'c', 'C')
    AND line.effective_at > %(since)s AND line.effective_at <= %(until)s
GROUP BY 1
ORDER BY 1;
