-- Change what may change of a town. Country, unit and currency may not: its books are kept in them.
--
-- town_id integer, name text, unit_name text, unit_symbol text, time_zone text, languages text (JSON),
-- legal_basis text (JSON), income_bands text (JSON)
UPDATE parties_town
SET
    name = %(name)s,
    unit_name = %(unit_name)s,
    unit_symbol = %(unit_symbol)s,
    time_zone = %(time_zone)s,
    languages = %(languages)s::jsonb,
    legal_basis = %(legal_basis)s::jsonb,
    income_bands = %(income_bands)s::jsonb
WHERE id = %(town_id)s;
