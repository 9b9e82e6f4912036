-- Keep what the invariants say of a town in place of what they said before.
--
-- town_id integer, packages text[], names text[], failures integer[] (side by side), at timestamptz
--
-- Two runs that end at once leave the later one's rows.
WITH gone AS (
    DELETE FROM public.koinon_check AS kept
    WHERE
        kept.town_id = %(town_id)s
        AND (kept.package, kept.name) NOT IN (
            SELECT said.package, said.name FROM unnest(%(packages)s::text[], %(names)s::text[]) AS said (package, name)
        )
)

INSERT INTO public.koinon_check (town_id, package, name, failures, checked_at)
SELECT %(town_id)s, said.package, said.name, said.failures, %(at)s
FROM unnest(%(packages)s::text[], %(names)s::text[], %(failures)s::integer[]) AS said (package, name, failures)
ON CONFLICT (town_id, package, name) DO UPDATE
SET failures = excluded.failures, checked_at = excluded.checked_at;
