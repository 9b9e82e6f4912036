-- Which voucher came first with a counter of a till; no row where none has come.
--
-- town_id integer, device uuid, counter integer
SELECT v.id
FROM offline.voucher AS v
WHERE v.town_id = %(town_id)s AND v.device = %(device)s AND v.counter = %(counter)s AND NOT v.clashes;
