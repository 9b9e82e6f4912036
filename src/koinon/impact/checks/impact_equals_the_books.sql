-- Invariant: what the tracing says was given out, redeemed, expired, taken back, paid and is held is what the books say, row by row up to where they were followed.
-- Returns the towns and figures that differ; an empty answer is a pass.
--
-- Accounts of a holder that keeps a till are one place: what moves between two of them is no payment.
WITH trading AS MATERIALIZED (
    SELECT DISTINCT a.town_id, a.holder FROM ledger.account AS a WHERE a.kind = 'till'
),

place AS MATERIALIZED (
    SELECT
        a.town_id, a.id, a.kind,
        CASE
            WHEN a.kind NOT IN ('purse', 'till', 'clearing') THEN NULL
            WHEN trading.holder IS NOT NULL THEN a.holder::text
            ELSE a.id::text
        END AS held_at
    FROM ledger.account AS a
    INNER JOIN parties_town AS t ON t.id = a.town_id AND t.unit_code = a.unit
    LEFT JOIN trading ON trading.town_id = a.town_id AND trading.holder = a.holder
),

pair AS MATERIALIZED (
    SELECT
        f.town_id, f.convention, line.debit_account, line.credit_account, line.kind IN ('r', 'R') AS undoes,
        sum(line.amount_minor) AS minor
    FROM impact.followed AS f
    INNER JOIN ledger.journal AS line ON line.town_id = f.town_id AND line.seq < f.seq_to
    WHERE f.convention IN ('fifo', 'lifo') AND line.kind NOT IN ('h', 'g')
    GROUP BY f.town_id, f.convention, line.debit_account, line.credit_account, line.kind IN ('r', 'R')
),

moved AS (
    SELECT
        b.town_id, b.convention,
        d.kind AS debit_kind, c.kind AS credit_kind, d.held_at AS debit_place, c.held_at AS credit_place,
        b.undoes, b.minor
    FROM pair AS b
    INNER JOIN place AS d ON d.town_id = b.town_id AND d.id = b.debit_account
    INNER JOIN place AS c ON c.town_id = b.town_id AND c.id = b.credit_account
),

books AS (
    SELECT
        m.town_id, m.convention,
        coalesce(sum(m.minor) FILTER (WHERE m.debit_kind = 'escrow' AND m.credit_place IS NOT NULL AND NOT m.undoes), 0) AS issued,
        coalesce(sum(m.minor) FILTER (WHERE m.credit_kind = 'escrow' AND m.debit_place IS NOT NULL), 0)
        - coalesce(sum(m.minor) FILTER (WHERE m.debit_kind = 'escrow' AND m.credit_place IS NOT NULL AND m.undoes), 0) AS withdrawn,
        coalesce(sum(m.minor) FILTER (WHERE m.credit_kind = 'redemption' AND m.debit_place IS NOT NULL), 0)
        - coalesce(sum(m.minor) FILTER (WHERE m.debit_kind = 'redemption' AND m.credit_place IS NOT NULL), 0) AS redeemed,
        coalesce(sum(m.minor) FILTER (WHERE m.credit_kind = 'reserve' AND m.debit_place IS NOT NULL), 0)
        - coalesce(sum(m.minor) FILTER (WHERE m.debit_kind = 'reserve' AND m.credit_place IS NOT NULL), 0) AS expired,
        coalesce(sum(m.minor) FILTER (WHERE m.credit_place IS NOT NULL), 0)
        - coalesce(sum(m.minor) FILTER (WHERE m.debit_place IS NOT NULL), 0) AS held,
        coalesce(sum(CASE WHEN m.undoes THEN -m.minor ELSE m.minor END) FILTER (WHERE m.debit_place <> m.credit_place), 0) AS volume
    FROM moved AS m
    GROUP BY m.town_id, m.convention
),

traced AS (
    SELECT
        c.town_id, c.convention,
        sum(c.issued_minor) AS issued, sum(c.withdrawn_minor) AS withdrawn, sum(c.redeemed_minor) AS redeemed,
        sum(c.expired_minor) AS expired, sum(c.held_minor) AS held, sum(c.volume_minor) AS volume
    FROM impact.cohort AS c
    GROUP BY c.town_id, c.convention
)

SELECT f.town_id, f.convention, figure.name, figure.traced_minor, figure.books_minor
FROM impact.followed AS f
LEFT JOIN books AS b ON b.town_id = f.town_id AND b.convention = f.convention
LEFT JOIN traced AS t ON t.town_id = f.town_id AND t.convention = f.convention
CROSS JOIN LATERAL (
    VALUES
    ('given out', coalesce(t.issued, 0), coalesce(b.issued, 0)),
    ('taken back', coalesce(t.withdrawn, 0), coalesce(b.withdrawn, 0)),
    ('redeemed', coalesce(t.redeemed, 0), coalesce(b.redeemed, 0)),
    ('expired', coalesce(t.expired, 0), coalesce(b.expired, 0)),
    ('held', coalesce(t.held, 0), coalesce(b.held, 0)),
    ('paid', coalesce(t.volume, 0), coalesce(b.volume, 0))
) AS figure (name, traced_minor, books_minor)
WHERE f.convention IN ('fifo', 'lifo') AND figure.traced_minor <> figure.books_minor;
