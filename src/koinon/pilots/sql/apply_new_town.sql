-- Record a town that does not exist yet; its party follows, because each needs the other.
--
-- slug text, name text, country text, unit_code text, unit_name text, unit_symbol text, exponent integer,
-- national_currency text, time_zone text, languages text (JSON), legal_basis text (JSON), income_bands text (JSON), at timestamptz
--
-- One row: the town's number.
INSERT INTO parties_town (
    slug, name, country, unit_code, unit_name, unit_symbol, exponent, national_currency, time_zone,
    languages, legal_basis, income_bands, created_at
)
VALUES (
    %(slug)s, %(name)s, %(country)s, %(unit_code)s, %(unit_name)s, %(unit_symbol)s, %(exponent)s,
    %(national_currency)s, %(time_zone)s, %(languages)s::jsonb, %(legal_basis)s::jsonb, %(income_bands)s::jsonb, %(at)s
)
RETURNING id;
