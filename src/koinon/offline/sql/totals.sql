-- What arrived in a period and who paid it, in minor units.
--
-- town_id integer, first_day date, last_day date (local days of arrival), zone text
SELECT
    count(*)::integer AS vouchers,
    coalesce(sum(v.amount_minor), 0)::bigint AS amount_minor,
    coalesce(sum(v.paid_minor), 0)::bigint AS paid_minor,
    coalesce(sum(v.covered_minor), 0)::bigint AS covered_minor,
    coalesce(sum(v.owed_minor), 0)::bigint AS owed_minor,
    coalesce(sum(v.borne_minor), 0)::bigint AS borne_minor,
    coalesce(sum(v.returned_minor), 0)::bigint AS returned_minor
FROM offline.voucher AS v
WHERE
    v.town_id = %(town_id)s AND v.month BETWEEN date_trunc('month', %(first_day)s::date)::date AND %(last_day)s::date
    AND (v.received_at AT TIME ZONE %(zone)s::text)::date BETWEEN %(first_day)s AND %(last_day)s;
