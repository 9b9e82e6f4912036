-- How many people, households and accepting shops a town has.
--
-- town_id  integer
--
-- One row (residents bigint, households bigint, shops bigint). Locks nothing.
SELECT
    (
        SELECT count(*) FROM parties_person AS n
        INNER JOIN parties_party AS p ON p.id = n.party_id
        WHERE p.town_id = %(town_id)s AND p.erased_at IS NULL
    ) AS residents,
    (
        SELECT count(*) FROM parties_household AS h
        INNER JOIN parties_party AS p ON p.id = h.party_id
        WHERE p.town_id = %(town_id)s AND p.erased_at IS NULL
    ) AS households,
    (
        SELECT count(*) FROM parties_organisation AS o
        INNER JOIN parties_party AS p ON p.id = o.party_id
        WHERE p.town_id = %(town_id)s AND o.active AND NOT o.is_chain
    ) AS shops;
