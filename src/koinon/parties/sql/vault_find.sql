-- The parties of a town with a value, by its keyed hash.
--
-- town_id integer, kind text, digest bytea
SELECT party_id
FROM parties_vaultlookup
WHERE town_id = %(town_id)s AND kind = %(kind)s AND digest = %(digest)s
ORDER BY party_id;
