-- How many bytes a row of the journal has without any index: about as many as its seal covers.
--
-- One row, one column, from ten thousand rows.
SELECT avg(pg_column_size(line))::double precision
FROM (SELECT * FROM ledger.journal LIMIT 10000) AS line;
