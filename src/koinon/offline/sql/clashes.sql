-- Vouchers that carry a counter which came before on the same till, each with the first, of a period.
--
-- town_id integer, first_day date, last_day date, zone text
SELECT first.id AS first, again.id AS again
FROM offline.voucher AS again
INNER JOIN offline.voucher AS first
    ON first.town_id = again.town_id AND first.device = again.device AND first.counter = again.counter
    AND NOT first.clashes
WHERE
    again.town_id = %(town_id)s AND again.clashes
    AND (again.received_at AT TIME ZONE %(zone)s::text)::date BETWEEN %(first_day)s AND %(last_day)s
ORDER BY again.id;
