-- Record people, or what changed of them: household, neighbourhood, whether the household's file is about them.
--
-- town_id integer, party_id uuid[], household uuid[], zone text[], is_reference boolean[]
INSERT INTO parties_person (party_id, household_id, zone_id, is_reference)
SELECT wanted.party_id, wanted.household, zone.id, wanted.is_reference
FROM unnest(%(party_id)s::uuid[], %(household)s::uuid[], %(zone)s::text[], %(is_reference)s::boolean[])
    AS wanted (party_id, household, zone, is_reference)
LEFT JOIN parties_zone AS zone ON zone.town_id = %(town_id)s AND zone.code = wanted.zone
ON CONFLICT (party_id) DO UPDATE
    SET
        household_id = excluded.household_id,
        zone_id = excluded.zone_id,
        is_reference = excluded.is_reference;
