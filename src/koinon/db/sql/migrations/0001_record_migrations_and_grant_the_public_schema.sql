-- What has been run here, and what the application may do with the tables people edit.
--
-- Run as koinon_owner. Tables that Django makes later in the public schema
-- belong to koinon_owner, and the application role gets the four ordinary rights
-- on them by default. Money tables live in schemas of their own and grant by name.
SET LOCAL lock_timeout = '5s';

COMMENT ON TABLE koinon_migration
    IS 'One row for each SQL migration this database has had; kept by koinon.db.migrations.';

GRANT USAGE ON SCHEMA public TO koinon_app;

ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO koinon_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO koinon_app;

-- The record of migrations is read by everybody and written by its owner alone.
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON koinon_migration FROM koinon_app;
GRANT SELECT ON koinon_migration TO koinon_app;
