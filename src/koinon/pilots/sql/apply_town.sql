-- A town as it is recorded, by its short name.
--
-- slug text
--
-- At most one row. JSON comes as text (see parties/connection.py).
SELECT
    id, name, country, unit_code, unit_name, unit_symbol, exponent::integer, national_currency, time_zone,
    languages::text AS languages, legal_basis::text AS legal_basis,
    income_bands::text AS income_bands, party_id
FROM parties_town
WHERE slug = %(slug)s;
