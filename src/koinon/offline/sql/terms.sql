-- The terms of a town, the earliest first: those in force on a local day and what was announced after it.
--
-- town_id integer, day date
SELECT
    t.from_day, t.voucher_most_minor, t.card_most_minor, t.device_most_minor, t.sync_days, t.devices_most, t.bearer,
    t.fund_id, t.month_most_minor, t.source
FROM offline.terms AS t
WHERE
    t.town_id = %(town_id)s
    AND t.from_day >= coalesce((
        SELECT max(held.from_day) FROM offline.terms AS held
        WHERE held.town_id = %(town_id)s AND held.from_day <= %(day)s
    ), %(day)s)
ORDER BY t.from_day;
