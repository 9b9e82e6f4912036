-- Make the two roles where they are missing, and let the owner create in this database.
--
-- koinon_owner cannot sign in: migrations become it by SET ROLE.
-- koinon_app is what web, jobs and commands sign in as; it is no superuser and
-- can do only what a migration granted.
--
-- Since PostgreSQL 16 whoever creates a role is a member that may not become it
-- until it says so itself, hence SET there and MEMBER before.
DO $$
DECLARE
    becoming constant text := CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'koinon_owner') THEN
        CREATE ROLE koinon_owner NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'koinon_app') THEN
        CREATE ROLE koinon_app LOGIN;
    END IF;
    IF NOT pg_catalog.pg_has_role('koinon_owner', becoming) THEN
        EXECUTE format('GRANT koinon_owner TO %I', current_user);
    END IF;
    IF NOT pg_catalog.has_database_privilege('koinon_owner', current_database(), 'CREATE') THEN
        EXECUTE format('GRANT CREATE ON DATABASE %I TO koinon_owner', current_database());
    END IF;
    IF NOT pg_catalog.has_schema_privilege('koinon_owner', 'public', 'CREATE') THEN
        GRANT USAGE, CREATE ON SCHEMA public TO koinon_owner;
    END IF;
END
$$;
