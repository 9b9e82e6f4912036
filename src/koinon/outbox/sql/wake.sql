-- Wake the job that sends, when this transaction is committed.
SELECT pg_catalog.pg_notify('koinon_outbox', '');
