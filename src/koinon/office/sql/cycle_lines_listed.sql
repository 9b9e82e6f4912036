-- The lines of a month, as the table component reads them: a household each, and what it is due or why nothing.
--
-- town_id integer, cycle_id uuid
--
-- One row for each line; ``grounds`` is JSON as text, ``failure`` the code of what kept it from being paid.
-- Locks nothing.
SELECT
    line.id,
    line.party_id AS party,
    coalesce(zone.name, '') AS zone,
    CASE WHEN line.state = 'refused' THEN NULL ELSE line.amount_minor END AS amount_minor,
    line.state,
    line.grounds::text AS grounds,
    line.failure
FROM programmes_line AS line
INNER JOIN programmes_cycle AS cycle ON cycle.id = line.cycle_id
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
LEFT JOIN parties_zone AS zone ON zone.town_id = %(town_id)s AND zone.code = line.snapshot ->> 'zone'
WHERE programme.town_id = %(town_id)s AND line.cycle_id = %(cycle_id)s
