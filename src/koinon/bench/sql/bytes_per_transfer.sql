-- How many bytes one row of the journal takes, with everything that grows with it: the journal's
-- months, what reversals and captures point at, the holds, and all their indexes.
--
-- One row, one column; NULL where nothing was posted.
SELECT sum(pg_total_relation_size(kept.oid)) / nullif((SELECT count(*) FROM ledger.journal), 0)::double precision
FROM pg_class AS kept
INNER JOIN pg_namespace AS place ON place.oid = kept.relnamespace
WHERE place.nspname = 'ledger' AND kept.relkind = 'r'
  AND (kept.relname LIKE 'journal%' OR kept.relname IN ('target', 'hold'));
