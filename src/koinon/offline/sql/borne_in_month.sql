-- What of the vouchers that arrived in a local month is the town's to bear, paid already or not and less what came back, in minor units.
--
-- town_id integer, month date
SELECT coalesce(sum(v.covered_minor + v.owed_minor - v.returned_minor), 0)::bigint AS minor
FROM offline.voucher AS v
WHERE v.town_id = %(town_id)s AND v.month = %(month)s;
