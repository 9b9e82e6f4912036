-- Lock an authorisation until the transaction ends, and say what it is.
--
-- town_id integer, authorisation uuid
--
-- At most one row. Two of its cards that pay at once take turns here, so that together they keep the day's limit;
-- what was paid is read in a later statement, which sees what the one waited for has paid.
SELECT
    a.id, a.party, a.person, a.per_day_minor, a.last_day, a.made_at, a.made_by, a.ended_at, a.ended_by,
    EXISTS (SELECT FROM parties_party AS h WHERE h.id = a.person AND h.erased_at IS NOT NULL) AS person_erased
FROM instruments.authorisation AS a
WHERE a.town_id = %(town_id)s AND a.id = %(authorisation)s
FOR NO KEY UPDATE OF a;
