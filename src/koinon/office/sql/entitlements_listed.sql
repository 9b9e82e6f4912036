-- What a household was due, month by month, as the table component reads it.
--
-- town_id integer, party uuid
--
-- One row for each month of a programme. Locks nothing.
SELECT
    entitlement.id,
    entitlement.cycle_id AS cycle,
    cycle.month,
    programme.name AS programme,
    entitlement.state,
    entitlement.amount_minor
FROM programmes_line AS entitlement
INNER JOIN programmes_cycle AS cycle ON cycle.id = entitlement.cycle_id
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
WHERE programme.town_id = %(town_id)s AND entitlement.party_id = %(party)s AND cycle.state <> 'cancelled'
