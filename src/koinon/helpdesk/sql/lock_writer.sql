-- Lock whoever wrote a text message until the transaction ends, so that two at once are counted one after the other.
--
-- town_id integer, party uuid
SELECT p.id
FROM parties_party AS p
WHERE p.town_id = %(town_id)s AND p.id = %(party)s
FOR NO KEY UPDATE;
