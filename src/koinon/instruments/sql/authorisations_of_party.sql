-- Whom a party lets, or has let, pay for it; the newest first.
--
-- town_id integer, party uuid
--
-- Locks nothing.
SELECT
    a.id, a.party, a.person, a.per_day_minor, a.last_day, a.made_at, a.made_by, a.ended_at, a.ended_by,
    EXISTS (SELECT FROM parties_party AS h WHERE h.id = a.person AND h.erased_at IS NOT NULL) AS person_erased
FROM instruments.authorisation AS a
WHERE a.town_id = %(town_id)s AND a.party = %(party)s
ORDER BY a.id DESC;
