-- The organisations of a town, for whoever has to name one by its id.
--
-- town_id  integer
--
-- One row (party_id uuid, trade_name text, registry_number text, active boolean) for each that was
-- not erased, by trade name. Locks nothing.
SELECT o.party_id, o.trade_name, o.registry_number, o.active
FROM parties_organisation AS o
INNER JOIN parties_party AS p ON p.id = o.party_id
WHERE p.town_id = %(town_id)s AND p.erased_at IS NULL
ORDER BY o.trade_name, o.party_id;
