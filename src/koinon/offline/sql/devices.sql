-- Tills, by number: all of a town, of one shop, or one.
--
-- town_id integer, party uuid or null, device uuid or null
SELECT
    d.id, d.number, d.party, coalesce(o.trade_name, '') AS trade_name, d.label, d.algorithm, d.public_key,
    d.registered_at, d.registered_by, d.revoked_at, d.revoked_by, d.synced_at,
    coalesce(came.highest, 0) AS highest, coalesce(came.vouchers, 0)::integer AS vouchers
FROM offline.device AS d
LEFT JOIN parties_organisation AS o ON o.party_id = d.party
LEFT JOIN LATERAL (
    SELECT max(v.counter) AS highest, count(*) AS vouchers
    FROM offline.voucher AS v
    WHERE v.town_id = d.town_id AND v.device = d.id AND NOT v.clashes
) AS came ON TRUE
WHERE
    d.town_id = %(town_id)s
    AND (%(party)s::uuid IS NULL OR d.party = %(party)s::uuid)
    AND (%(device)s::uuid IS NULL OR d.id = %(device)s::uuid)
ORDER BY d.number;
