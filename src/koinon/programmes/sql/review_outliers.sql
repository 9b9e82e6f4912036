-- The lines of a cycle that stand out: far from the others, or half or double of what the household got before.
--
-- cycle_id uuid, before_id uuid or null  the cycle before
-- size integer                           how many at the most, the largest differences first
--
-- Far is more than three times the distance between the quartiles beyond either of them (Tukey's outer fences), asked of
-- eight lines or more. found is how many there are in all.
WITH line AS (
    SELECT party_id, amount_minor FROM programmes_entitlement
    WHERE cycle_id = %(cycle_id)s AND decision = 'due'
),
fence AS (
    SELECT
        quartile.at[1] - 3 * (quartile.at[2] - quartile.at[1]) AS low,
        quartile.at[2] + 3 * (quartile.at[2] - quartile.at[1]) AS high,
        quartile.lines >= 8 AS asked
    FROM (
        SELECT
            percentile_disc(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY amount_minor) AS at,
            count(*) AS lines
        FROM line
    ) AS quartile
),
judged AS (
    SELECT
        line.party_id, line.amount_minor, before.amount_minor AS before_minor,
        fence.asked AND line.amount_minor > fence.high AS high,
        fence.asked AND line.amount_minor < fence.low AS low,
        coalesce(line.amount_minor >= 2 * before.amount_minor, FALSE) AS doubled,
        coalesce(2 * line.amount_minor <= before.amount_minor, FALSE) AS halved
    FROM line
    CROSS JOIN fence
    LEFT JOIN programmes_entitlement AS before
        ON
            before.cycle_id = %(before_id)s::uuid AND before.party_id = line.party_id
            AND before.decision = 'due'
)
SELECT party_id, amount_minor, before_minor, high, low, doubled, halved, count(*) OVER ()::integer AS found
FROM judged
WHERE high OR low OR doubled OR halved
ORDER BY abs(amount_minor - coalesce(before_minor, 0)) DESC, party_id
LIMIT %(size)s;
