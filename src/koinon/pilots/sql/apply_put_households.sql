-- Record households, or what changed of them.
--
-- town_id integer, party_id uuid[], zone text[], members integer[], income_band text[], joined_on date[]
INSERT INTO parties_household (party_id, zone_id, members, income_band, joined_on)
SELECT wanted.party_id, zone.id, wanted.members, wanted.income_band, wanted.joined_on
FROM unnest(
    %(party_id)s::uuid[], %(zone)s::text[], %(members)s::integer[], %(income_band)s::text[], %(joined_on)s::date[]
) AS wanted (party_id, zone, members, income_band, joined_on)
LEFT JOIN parties_zone AS zone ON zone.town_id = %(town_id)s AND zone.code = wanted.zone
ON CONFLICT (party_id) DO UPDATE
    SET
        zone_id = excluded.zone_id,
        members = excluded.members,
        income_band = excluded.income_band,
        joined_on = excluded.joined_on;
