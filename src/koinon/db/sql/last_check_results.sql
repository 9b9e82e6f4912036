-- What the invariants last said of a town.
--
-- town_id  integer
--
-- One row for each invariant, by package and name; none before the first run. Locks nothing.
SELECT package, name, failures, checked_at
FROM public.koinon_check
WHERE town_id = %(town_id)s
ORDER BY package, name;
