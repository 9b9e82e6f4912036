-- What the sign of a shop says; no row where it has none.
--
-- town_id integer, party uuid
SELECT o.trade_name
FROM parties_organisation AS o
INNER JOIN parties_party AS p ON p.id = o.party_id
WHERE p.town_id = %(town_id)s AND o.party_id = %(party)s AND o.trade_name <> '';
