-- Vouchers, the last to arrive first, a page at a time.
--
-- town_id integer, and each NULL where it does not matter: party uuid, device uuid, id uuid, digest bytea,
-- first_day date and last_day date (local days of arrival), lossy boolean (only those not wholly paid),
-- before uuid (the last one shown); zone text, size integer
SELECT
    v.id, v.device, d.number AS device_number, v.counter, v.clashes, v.party, coalesce(o.trade_name, '') AS trade_name,
    v.card, v.amount_minor, t.unit_code AS unit, v.accepted_at, v.received_at, v.paid_minor, v.covered_minor,
    v.owed_minor, v.borne_minor, v.returned_minor, v.payment_id, v.grounds::text AS grounds_json
FROM offline.voucher AS v
INNER JOIN offline.device AS d ON d.town_id = v.town_id AND d.id = v.device
INNER JOIN parties_town AS t ON t.id = v.town_id
LEFT JOIN parties_organisation AS o ON o.party_id = v.party
WHERE
    v.town_id = %(town_id)s
    AND (%(party)s::uuid IS NULL OR v.party = %(party)s::uuid)
    AND (%(device)s::uuid IS NULL OR v.device = %(device)s::uuid)
    AND (%(id)s::uuid IS NULL OR v.id = %(id)s::uuid)
    AND (%(digest)s::bytea IS NULL OR v.digest = %(digest)s::bytea)
    AND (%(before)s::uuid IS NULL OR v.id < %(before)s::uuid)
    AND (%(first_day)s::date IS NULL OR (
        v.month >= date_trunc('month', %(first_day)s::date)::date
        AND (v.received_at AT TIME ZONE %(zone)s::text)::date >= %(first_day)s::date
    ))
    AND (%(last_day)s::date IS NULL OR (
        v.month <= %(last_day)s::date AND (v.received_at AT TIME ZONE %(zone)s::text)::date <= %(last_day)s::date
    ))
    AND (NOT %(lossy)s::boolean OR v.paid_minor < v.amount_minor)
ORDER BY v.id DESC
LIMIT %(size)s;
