-- Every bank account by its statements: the first opening balance, all entries, and the last closing balance.
--
-- town_id  integer
--
-- Where the bank says no balance, the entries alone count. No lock.
SELECT
    a.id, a.code, a.number_end, a.currency, last.to_day AS last_day,
    coalesce(first.opening_minor, 0)::bigint AS opening_minor,
    coalesce(moved.minor, 0)::bigint AS entries_minor,
    coalesce(last.closing_minor, coalesce(first.opening_minor, 0) + coalesce(moved.minor, 0), 0)::bigint AS closing_minor
FROM banking.account AS a
LEFT JOIN LATERAL (
    SELECT s.opening_minor FROM banking.statement AS s
    WHERE s.town_id = a.town_id AND s.account_id = a.id
    ORDER BY s.from_day, s.to_day, s.id
    LIMIT 1
) AS first ON TRUE
LEFT JOIN LATERAL (
    SELECT s.closing_minor, s.to_day FROM banking.statement AS s
    WHERE s.town_id = a.town_id AND s.account_id = a.id
    ORDER BY s.to_day DESC NULLS LAST, s.from_day DESC, s.id DESC
    LIMIT 1
) AS last ON TRUE
LEFT JOIN LATERAL (
    SELECT sum(e.amount_minor) AS minor FROM banking.entry AS e WHERE e.town_id = a.town_id AND e.account_id = a.id
) AS moved ON TRUE
WHERE a.town_id = %(town_id)s
ORDER BY a.code;
