-- The cycles of a town that the timer pays out: those whose time has come, and those that were begun and not stopped.
--
-- town_id integer, now timestamptz
SELECT cycle.id
FROM programmes_cycle AS cycle
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
WHERE
    programme.town_id = %(town_id)s
    AND (
        (cycle.state = 'approved' AND cycle.scheduled_at <= %(now)s)
        OR (cycle.state = 'disbursing' AND cycle.stopped_at IS NULL)
    )
ORDER BY cycle.scheduled_at, cycle.id;
