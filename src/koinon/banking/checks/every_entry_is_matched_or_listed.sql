-- Invariant: every entry of a bank account is wholly matched, to the minor unit, or listed with a reason.
-- Returns the entries that are neither, or both; an empty answer is a pass.
SELECT e.town_id, e.id AS entry_id, e.amount_minor, coalesce(m.minor, 0) AS matched_minor, e.matched_at
FROM banking.entry AS e
LEFT JOIN (
    SELECT x.town_id, x.entry_id, sum(x.amount_minor) AS minor FROM banking.match AS x GROUP BY x.town_id, x.entry_id
) AS m ON m.town_id = e.town_id AND m.entry_id = e.id
WHERE
    CASE
        WHEN e.matched_at IS NULL THEN m.entry_id IS NOT NULL OR jsonb_array_length(e.grounds) = 0
        ELSE m.minor IS DISTINCT FROM e.amount_minor
    END;
