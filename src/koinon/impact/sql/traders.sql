-- The businesses of a town, with what is public of them and what they redeemed in a period, net of what was sent back.
--
-- town_id  integer
-- start    timestamptz  included
-- until    timestamptz  excluded
--
-- One row for each holder of a till. accepts: it takes payments now. No lock.
WITH redeemed AS (
    SELECT
        t.payer AS holder,
        sum(t.net_minor) AS net
    FROM impact.payment AS t
    WHERE
        t.town_id = %(town_id)s
        AND t.code = 'redeem'
        AND t.effective_at >= %(start)s
        AND t.effective_at < %(until)s
    GROUP BY t.payer
),

business AS (
    SELECT a.holder, bool_or(a.closed_at IS NULL) AS is_open
    FROM ledger.account AS a
    WHERE a.town_id = %(town_id)s AND a.kind = 'till'
    GROUP BY a.holder
)

SELECT
    b.holder,
    coalesce(o.trade_name, '') AS name,
    coalesce(o.sector_group, '') AS sector,
    coalesce(o.sector, '') AS nace,
    coalesce(z.code, '') AS zone,
    coalesce(z.name, '') AS zone_name,
    coalesce(o.is_sse, FALSE) AS is_sse,
    o.latitude::double precision AS latitude,
    o.longitude::double precision AS longitude,
    coalesce(b.is_open AND o.active, FALSE) AS accepts,
    coalesce(r.net, 0)::bigint AS redeemed_minor
FROM business AS b
LEFT JOIN redeemed AS r ON r.holder = b.holder
LEFT JOIN parties_organisation AS o ON o.party_id = b.holder
LEFT JOIN parties_zone AS z ON z.id = o.zone_id
ORDER BY b.holder;
