-- The months of a town that were traced as they were over and are not published yet; oldest first. Locks nothing.
--
-- town_id integer
SELECT DISTINCT traced.month
FROM impact.month_trace AS traced
WHERE
    traced.town_id = %(town_id)s
    AND NOT EXISTS (
        SELECT FROM impact.published AS kept WHERE kept.town_id = traced.town_id AND kept.month = traced.month
    )
ORDER BY traced.month;
