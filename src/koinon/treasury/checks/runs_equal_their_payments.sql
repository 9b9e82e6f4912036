-- Invariant: a run's total and number are those of its payments.
-- Returns the runs that break it; an empty answer is a pass.
SELECT u.town_id, u.id AS run_id, u.total_minor, sum(p.amount_minor) AS payments_minor, u.payments, count(p.id) AS found
FROM treasury.run AS u
LEFT JOIN treasury.payment AS p ON p.town_id = u.town_id AND p.run_id = u.id
GROUP BY u.town_id, u.id
HAVING u.total_minor IS DISTINCT FROM sum(p.amount_minor) OR u.payments <> count(p.id);
