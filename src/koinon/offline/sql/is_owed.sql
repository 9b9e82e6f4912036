-- Whether the town owes any shop for a voucher.
--
-- town_id integer
SELECT EXISTS (SELECT FROM offline.voucher AS v WHERE v.town_id = %(town_id)s AND v.owed_minor > 0) AS is_owed;
