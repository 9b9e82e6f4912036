-- Which migrations has this database had, and with what content?
--
-- One row (package text, name text, sha256 text) for each. Locks nothing.
SELECT package, name, sha256
FROM public.koinon_migration
ORDER BY applied_at, package, name;
