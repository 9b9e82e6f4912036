-- In which language a party reads, as whoever signs in for it chose; no row where nobody chose any.
--
-- town_id integer, party_id uuid
SELECT u.language
FROM parties_rolegrant AS g
INNER JOIN parties_user AS u ON u.id = g.user_id
WHERE g.town_id = %(town_id)s AND g.party_id = %(party_id)s AND u.is_active AND u.language <> ''
ORDER BY u.id
LIMIT 1;
