-- The record that begins on a day.
--
-- town_id integer, fund uuid, from_day date
SELECT convertible_by, limited_to, source
FROM accounting.fund_record
WHERE town_id = %(town_id)s AND fund = %(fund)s AND from_day = %(from_day)s;
