-- A town, by its number or by its short name.
--
-- town_id integer or null, slug text or null
--
-- At most one row. A town still being created has no party yet and is not shown.
SELECT
    id, slug, name, country, unit_code, unit_name, unit_symbol, exponent, national_currency,
    time_zone, party_id
FROM parties_town
WHERE (id = %(town_id)s::integer OR slug = %(slug)s::text) AND party_id IS NOT NULL;
