-- Record households, or what changed of them.
--
-- town_id integer, party_id uuid[], zone text[], members integer[], income_band text[], joined_on date[],
-- resident_since date[], children_born text[] (JSON), statuses text[] (JSON)
INSERT INTO parties_household (
    party_id, zone_id, members, income_band, joined_on, resident_since, children_born, statuses
)
SELECT
    wanted.party_id, zone.id, wanted.members, wanted.income_band, wanted.joined_on, wanted.resident_since,
    wanted.children_born::jsonb, wanted.statuses::jsonb
FROM unnest(
    %(party_id)s::uuid[], %(zone)s::text[], %(members)s::integer[], %(income_band)s::text[], %(joined_on)s::date[],
    %(resident_since)s::date[], %(children_born)s::text[], %(statuses)s::text[]
) AS wanted (party_id, zone, members, income_band, joined_on, resident_since, children_born, statuses)
LEFT JOIN parties_zone AS zone ON zone.town_id = %(town_id)s AND zone.code = wanted.zone
ON CONFLICT (party_id) DO UPDATE
    SET
        zone_id = excluded.zone_id,
        members = excluded.members,
        income_band = excluded.income_band,
        joined_on = excluded.joined_on,
        resident_since = excluded.resident_since,
        children_born = excluded.children_born,
        statuses = excluded.statuses;
