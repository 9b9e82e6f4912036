-- The activities of a town, or the one of an id or code, by name. Locks nothing.
--
-- town_id integer, activity_id uuid or null, code text or null
SELECT
    activity.id, activity.code, activity.name, activity.place, activity.measure, activity.programme_id,
    strings.fund_id, activity.bank_id, activity.zones, activity.first_day, activity.last_day, activity.second_above,
    activity.budget_minor, activity.granted_minor
FROM coproduction.activity AS activity
LEFT JOIN coproduction.purse_strings AS strings
    ON strings.town_id = activity.town_id AND strings.programme_id = activity.programme_id
WHERE
    activity.town_id = %(town_id)s
    AND (%(activity_id)s::uuid IS NULL OR activity.id = %(activity_id)s)
    AND (%(code)s::text IS NULL OR activity.code = %(code)s)
ORDER BY activity.name, activity.id;
