-- Let only one town folder be applied at a time, until the transaction ends.
--
-- slug text
--
-- An advisory lock, because the town's row may not exist yet.
SELECT pg_advisory_xact_lock(hashtext('koinon.town-apply:' || %(slug)s));
