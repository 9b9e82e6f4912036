-- Whether a party is an organisation of the town that takes part.
--
-- town_id integer, party uuid
SELECT EXISTS (
    SELECT FROM parties_party AS p
    INNER JOIN parties_organisation AS o ON o.party_id = p.id
    WHERE p.town_id = %(town_id)s AND p.id = %(party)s AND o.active
) AS is_shop;
