-- Authorisations that ended before an instant, or whose holder was erased, and whose person is still known by name.
--
-- town_id integer, before timestamptz, size integer
--
-- Locks nothing.
SELECT
    a.id, a.party, a.person, a.per_day_minor, a.last_day, a.made_at, a.made_by, a.ended_at, a.ended_by,
    EXISTS (SELECT FROM parties_party AS h WHERE h.id = a.person AND h.erased_at IS NOT NULL) AS person_erased
FROM instruments.authorisation AS a
INNER JOIN parties_party AS p ON p.id = a.person AND p.erased_at IS NULL
INNER JOIN parties_party AS holder ON holder.id = a.party
WHERE a.town_id = %(town_id)s AND (a.ended_at < %(before)s OR holder.erased_at IS NOT NULL)
ORDER BY a.id
LIMIT %(size)s;
