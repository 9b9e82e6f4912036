-- How many listeners a town or a party has, and take turns in adding to them.
--
-- town_id integer, channel text, party uuid or null (the town's own then)
SELECT count(*) AS there
FROM outbox.listener AS l
WHERE
    l.town_id = %(town_id)s AND l.channel = %(channel)s AND l.state <> 'removed'
    AND l.party IS NOT DISTINCT FROM %(party)s::uuid;
