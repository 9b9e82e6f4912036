-- The other vouchers of the card of some, accepted or arrived on the same local day, in the order in which they arrived.
--
-- town_id integer, ids uuid[]
--
-- ``of`` is the voucher asked about.
SELECT asked.id AS of, v.id
FROM offline.voucher AS asked
INNER JOIN offline.voucher AS v
    ON v.town_id = asked.town_id AND v.card = asked.card AND v.id <> asked.id
    AND (v.day = asked.day OR v.arrived = asked.arrived)
WHERE asked.town_id = %(town_id)s AND asked.id = ANY(%(ids)s::uuid[])
ORDER BY asked.id, v.id;
