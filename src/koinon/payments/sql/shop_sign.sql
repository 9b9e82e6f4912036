-- What stands over a shop's door.
--
-- town_id integer, party uuid
--
-- At most one row (trade_name text).
SELECT o.trade_name
FROM parties_organisation AS o
INNER JOIN parties_party AS p ON p.id = o.party_id
WHERE p.town_id = %(town_id)s AND o.party_id = %(party)s AND p.erased_at IS NULL;
