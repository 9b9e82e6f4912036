-- What the town owed for a voucher is paid.
--
-- town_id integer, id uuid
UPDATE offline.voucher SET covered_minor = covered_minor + owed_minor, owed_minor = 0
WHERE town_id = %(town_id)s AND id = %(id)s;
