-- Where households live, with the people in them.
--
-- town_id integer, ids uuid[], zone text: a neighbourhood's code
WITH wanted AS (
    SELECT id FROM parties_zone WHERE town_id = %(town_id)s AND code = %(zone)s
),

moved AS (
    UPDATE parties_person SET zone_id = (SELECT id FROM wanted)
    WHERE household_id = ANY(%(ids)s::uuid[])
)

UPDATE parties_household SET zone_id = (SELECT id FROM wanted)
WHERE party_id = ANY(%(ids)s::uuid[]);
