-- What vouchers of any till charged to a card on a local day, and what those that arrived on another; how they are named, in the
-- order in which they came.
--
-- town_id integer, card uuid, day date, arrived date
SELECT
    coalesce(sum(v.paid_minor) FILTER (WHERE v.day = %(day)s), 0)::bigint AS charged_minor,
    coalesce(array_agg(d.number || '-' || v.counter ORDER BY v.id) FILTER (WHERE v.day = %(day)s), '{}') AS earlier,
    coalesce(sum(v.paid_minor) FILTER (WHERE v.arrived = %(arrived)s), 0)::bigint AS arrived_minor,
    coalesce(array_agg(d.number || '-' || v.counter ORDER BY v.id) FILTER (WHERE v.arrived = %(arrived)s), '{}') AS arrived
FROM offline.voucher AS v
INNER JOIN offline.device AS d ON d.town_id = v.town_id AND d.id = v.device
WHERE v.town_id = %(town_id)s AND v.card = %(card)s AND (v.day = %(day)s OR v.arrived = %(arrived)s);
