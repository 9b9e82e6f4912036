-- A member of a time bank may owe the others: its account has a floor below zero, like those that clearing keeps.
SET LOCAL lock_timeout = '5s';

-- Open accounts, or find those that are open for the same purpose already; ids in the order asked.
CREATE OR REPLACE FUNCTION ledger.open_accounts(
    p_town integer, p_kind text [], p_unit text [], p_holder uuid [], p_fund uuid [], p_floor bigint [],
    p_ceiling bigint [], p_at timestamptz, p_actor text
) RETURNS TABLE (place integer, id integer, opened boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, ledger
AS $$
#variable_conflict use_column
DECLARE
    fresh integer[];
BEGIN
    IF p_actor !~ '^[A-Za-z0-9:._/#-]{1,80}$' THEN
        RAISE EXCEPTION 'who opens an account is named by an opaque id' USING ERRCODE = '23514';
    END IF;
    IF EXISTS (
        SELECT FROM unnest(p_kind, p_floor, p_ceiling) AS want (kind, floor, ceiling)
        WHERE want.floor > 0 OR want.ceiling < 0 OR (want.floor IS NULL AND want.kind <> 'issuance')
           OR (want.floor <> 0 AND want.kind NOT IN ('issuance', 'clearing', 'member'))
    ) THEN
        RAISE EXCEPTION 'only issuance has no floor, and where money is kept it is zero' USING ERRCODE = '23514';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(19276, p_town);
    IF NOT EXISTS (SELECT FROM ledger.period AS per WHERE per.town_id = p_town) THEN
        PERFORM ledger.open_month(ledger.month_of(clock_timestamp()));
        INSERT INTO ledger.period (town_id, month, began_at)
        VALUES (p_town, ledger.month_of(clock_timestamp()), clock_timestamp()) ON CONFLICT DO NOTHING;
    END IF;
    WITH wanted AS (
        SELECT DISTINCT ON (want.kind, want.holder, want.fund, want.unit) want.*
        FROM unnest(p_kind, p_unit, p_holder, p_fund, p_floor, p_ceiling) WITH ORDINALITY
             AS want (kind, unit, holder, fund, floor, ceiling, place)
        ORDER BY want.kind, want.holder, want.fund, want.unit, want.place
    ), missing AS (
        SELECT wanted.* FROM wanted
        WHERE NOT EXISTS (
            SELECT 1 FROM ledger.account AS acc
            WHERE acc.town_id = p_town AND acc.kind = wanted.kind AND acc.holder = wanted.holder
              AND acc.fund IS NOT DISTINCT FROM wanted.fund AND acc.unit = wanted.unit
        )
    ), opened AS (
        INSERT INTO ledger.account AS acc (town_id, id, kind, unit, holder, fund, floor_minor, ceiling_minor, opened_at,
                                           opened_by)
        SELECT p_town,
               CASE WHEN kind = 'purse' THEN nextval('ledger.purse_number') ELSE nextval('ledger.account_number') END,
               kind, unit, holder, fund, floor, ceiling, p_at, p_actor
        FROM missing
        ORDER BY place
        ON CONFLICT DO NOTHING
        RETURNING acc.id
    )
    SELECT coalesce(array_agg(opened.id), '{}') INTO fresh FROM opened;
    INSERT INTO ledger.chain (town_id) VALUES (p_town) ON CONFLICT DO NOTHING;
    RETURN QUERY
    SELECT want.place::integer, acc.id, acc.id = ANY(fresh)
    FROM unnest(p_kind, p_unit, p_holder, p_fund) WITH ORDINALITY AS want (kind, unit, holder, fund, place)
    INNER JOIN ledger.account AS acc
        ON acc.town_id = p_town AND acc.kind = want.kind AND acc.holder = want.holder
        AND acc.fund IS NOT DISTINCT FROM want.fund AND acc.unit = want.unit
    ORDER BY want.place;
END $$;
