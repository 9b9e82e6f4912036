-- Why money moves: the number in the journal and its name. Locks nothing.
SELECT c.number, c.name FROM ledger.code AS c ORDER BY c.number;
