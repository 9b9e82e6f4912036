-- Of what the town covered of a voucher, some came back.
--
-- town_id integer, id uuid, minor bigint
UPDATE offline.voucher SET returned_minor = returned_minor + %(minor)s
WHERE town_id = %(town_id)s AND id = %(id)s;
