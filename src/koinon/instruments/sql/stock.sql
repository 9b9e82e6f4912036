-- How many cards a town has in each state.
--
-- town_id integer
--
-- One row. Locks nothing.
SELECT
    count(*) FILTER (WHERE c.state = 'made') AS made,
    count(*) FILTER (WHERE c.state = 'made' AND c.party IS NOT NULL) AS promised,
    count(*) FILTER (WHERE c.state = 'active') AS active,
    count(*) FILTER (WHERE c.state = 'blocked') AS blocked,
    count(*) FILTER (WHERE c.state = 'replaced') AS replaced,
    count(*) FILTER (WHERE c.state = 'withdrawn') AS withdrawn
FROM instruments.card AS c
WHERE c.town_id = %(town_id)s AND c.kind = 'card';
