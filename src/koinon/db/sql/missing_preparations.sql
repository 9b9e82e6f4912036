-- What does this database still lack before migrations can run?
--
-- One row (missing text) for each thing; an empty answer means that all is there.
-- A role that does not exist is reported by itself, without what follows from it.
WITH owner AS (
    SELECT oid FROM pg_catalog.pg_roles WHERE rolname = 'koinon_owner'
)

SELECT 'role koinon_owner' AS missing
WHERE NOT EXISTS (SELECT 1 FROM owner)
UNION ALL
SELECT 'role koinon_app'
WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'koinon_app')
UNION ALL
SELECT 'membership in koinon_owner'
FROM owner
WHERE NOT pg_catalog.pg_has_role(
    owner.oid, CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END
)
UNION ALL
SELECT 'CREATE on this database for koinon_owner'
FROM owner
WHERE NOT pg_catalog.has_database_privilege(owner.oid, current_database(), 'CREATE')
UNION ALL
SELECT 'CREATE on schema public for koinon_owner'
FROM owner
WHERE NOT pg_catalog.has_schema_privilege(owner.oid, 'public', 'CREATE');
