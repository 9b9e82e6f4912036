-- A town for trying the API, marked as such from its first moment: its unit is XTS, and pages show it as generated.
--
-- slug text, unit text, body uuid, at timestamptz
--
-- One row: the town's number.
WITH town AS (
    INSERT INTO parties_town (
        slug, name, country, unit_code, unit_name, unit_symbol, exponent, national_currency, time_zone, languages,
        legal_basis, party_id, created_at, demonstrated_until
    )
    VALUES (
        %(slug)s, 'Sandbox', 'GR', %(unit)s, 'Play money', '', 2, %(unit)s, 'Europe/Athens', '["en"]', '{}', %(body)s,
        %(at)s, (%(at)s::timestamptz AT TIME ZONE 'Europe/Athens')::date
    )
    RETURNING id
), party AS (
    INSERT INTO parties_party (id, town_id, kind, created_at)
    SELECT %(body)s, town.id, 'public_body', %(at)s FROM town
), zone AS (
    INSERT INTO parties_zone (town_id, code, name)
    SELECT town.id, 'centre', 'Centre' FROM town
)
INSERT INTO api.sandbox (town_id, made_at)
SELECT town.id, %(at)s FROM town
RETURNING town_id;
