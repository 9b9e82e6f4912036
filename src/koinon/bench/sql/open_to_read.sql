-- A town with accounts in which nothing is, for books that are only read.
--
-- town_id integer, body uuid of its own party, now timestamptz
WITH town AS (
    INSERT INTO parties_town (
        id, slug, name, country, unit_code, unit_name, unit_symbol, exponent, national_currency, time_zone, languages,
        legal_basis, party_id, created_at
    )
    VALUES (
        %(town_id)s, 'bench-' || %(town_id)s, 'Bench', 'ES', 'XTS', 'Unit', '', 2, 'EUR', 'Europe/Athens', '[]', '{}', %(body)s,
        %(now)s
    )
    RETURNING id
),

party AS (
    INSERT INTO parties_party (id, town_id, kind, created_at)
    SELECT %(body)s, town.id, 'public_body', %(now)s FROM town
    RETURNING town_id AS id
)

INSERT INTO ledger.account (town_id, id, kind, unit, holder, floor_minor, opened_at, opened_by)
SELECT town.id, account.id, account.kind, 'XTS', gen_random_uuid(), 0, %(now)s, 'bench:clerk'
FROM party AS town
CROSS JOIN (
    SELECT purse.number AS id, 'purse' AS kind FROM generate_series(1, 5000) AS purse (number)
    UNION ALL
    SELECT 1000000000 + till.number, 'till' FROM generate_series(1, 200) AS till (number)
) AS account;
