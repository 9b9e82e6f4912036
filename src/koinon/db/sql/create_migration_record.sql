-- Make the table that remembers which migrations this database has had.
--
-- The one table that no migration can make. Locks nothing when it exists.
CREATE TABLE IF NOT EXISTS public.koinon_migration (
    package text NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (package, name)
);
