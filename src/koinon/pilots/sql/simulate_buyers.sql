-- Households that may hold a purse, for the behaviour model.
--
-- town_id  integer
--
-- One row (party uuid, zone text, members integer) for each household that was
-- not erased, in the order in which they were taken into the town: the model
-- names them by their place in it. Locks nothing.
SELECT h.party_id AS party, coalesce(z.code, '') AS zone, greatest(h.members, 1)::integer AS members
FROM parties_household AS h
INNER JOIN parties_party AS p ON p.id = h.party_id
LEFT JOIN parties_zone AS z ON z.id = h.zone_id
WHERE p.town_id = %(town_id)s AND p.erased_at IS NULL
ORDER BY p.id;
