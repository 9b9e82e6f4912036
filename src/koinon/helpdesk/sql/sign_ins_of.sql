-- Who signs in for a party.
--
-- party  uuid
SELECT who.username, who.email, granted.role, who.last_login
FROM parties_rolegrant AS granted
INNER JOIN parties_user AS who ON who.id = granted.user_id
WHERE granted.party_id = %(party)s
ORDER BY who.id;
