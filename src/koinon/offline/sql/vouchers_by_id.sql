-- Some vouchers, in the order in which they arrived.
--
-- town_id integer, ids uuid[]
SELECT
    v.id, v.device, d.number AS device_number, v.counter, v.clashes, v.party, coalesce(o.trade_name, '') AS trade_name,
    v.card, v.amount_minor, t.unit_code AS unit, v.accepted_at, v.received_at, v.paid_minor, v.covered_minor,
    v.owed_minor, v.borne_minor, v.returned_minor, v.payment_id, v.grounds::text AS grounds_json
FROM offline.voucher AS v
INNER JOIN offline.device AS d ON d.town_id = v.town_id AND d.id = v.device
INNER JOIN parties_town AS t ON t.id = v.town_id
LEFT JOIN parties_organisation AS o ON o.party_id = v.party
WHERE v.town_id = %(town_id)s AND v.id = ANY(%(ids)s::uuid[])
ORDER BY v.id;
