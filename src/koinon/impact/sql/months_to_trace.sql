-- The months of a town that are over, wholly sealed, and not traced yet; oldest first. Locks nothing.
--
-- town_id    integer
-- time_zone  text         of the town, whose calendar months count
-- at         timestamptz  now
--
-- A month is over when its last day is, by the clock or by the calendar that a demonstration has lived. Every movement
-- that happened in it must be sealed: one that reaches the books after that no longer changes what was kept.
-- The first month is that of the first unit given out, where it says that it was within ten years of being posted: a
-- mistyped year makes no thousand empty months. Once it is kept, the books are not walked for it again.
WITH over AS (
    SELECT date_trunc('month', greatest(
        %(at)s::timestamptz AT TIME ZONE %(time_zone)s,
        (town.demonstrated_until + 1)::timestamp
    ))::date AS until
    FROM parties_town AS town
    WHERE town.id = %(town_id)s
),

sealed AS (
    SELECT coalesce((SELECT c.seq_to FROM ledger.chain AS c WHERE c.town_id = %(town_id)s), 0) AS seq_to
),

lived AS (
    SELECT
        coalesce(
            (
                SELECT to_date(min(kept.month), 'YYYY-MM')
                FROM impact.month_trace AS kept
                WHERE kept.town_id = %(town_id)s
            ),
            (
                SELECT date_trunc('month', coalesce(
                    min(t.effective_at) FILTER (WHERE t.effective_at >= t.posted_at - interval '10 years'),
                    min(t.posted_at)
                ) AT TIME ZONE %(time_zone)s)::date
                FROM ledger.transfer AS t
                WHERE t.town_id = %(town_id)s AND t.code IN ('disburse', 'topup', 'bonus', 'reward', 'cover')
            )
        ) AS first_month,
        (SELECT min(u.effective_at) FROM ledger.journal AS u, sealed
         WHERE u.town_id = %(town_id)s AND u.seq >= sealed.seq_to) AS unsealed_from
)

SELECT to_char(month.first_day, 'YYYY-MM') AS month
FROM over, lived, generate_series(lived.first_month, over.until - 1, interval '1 month') AS month (first_day)
WHERE
    (
        lived.unsealed_from IS NULL
        OR lived.unsealed_from >= (month.first_day + interval '1 month') AT TIME ZONE %(time_zone)s
    )
    AND NOT EXISTS (
        SELECT FROM impact.month_trace AS kept
        WHERE kept.town_id = %(town_id)s AND kept.month = to_char(month.first_day, 'YYYY-MM')
    )
ORDER BY month.first_day;
