-- Whether a lane of a cycle can be paid while others are: paying out has begun, it is no other try, and something is left.
--
-- town_id integer, cycle_id uuid
SELECT EXISTS (
    SELECT FROM programmes_cycle AS cycle
    INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
    INNER JOIN programmes_lane AS lane ON lane.cycle_id = cycle.id
    WHERE
        cycle.id = %(cycle_id)s AND programme.town_id = %(town_id)s AND cycle.state = 'disbursing' AND cycle.retries = 0
        AND NOT lane.done
);
