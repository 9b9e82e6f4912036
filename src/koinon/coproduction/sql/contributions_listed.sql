-- What residents did, as the table component reads it.
--
-- town_id integer
--
-- One row for each contribution; its quantity in minutes, grams or sessions. Locks nothing.
SELECT
    c.id,
    c.party,
    activity.name AS activity,
    activity.measure,
    c.stream,
    c.day,
    c.quantity,
    c.state,
    c.reward_minor,
    c.taken_back,
    c.registered_at,
    c.verified_at
FROM coproduction.contribution AS c
INNER JOIN coproduction.activity AS activity ON activity.town_id = c.town_id AND activity.id = c.activity_id
WHERE c.town_id = %(town_id)s
