-- Lock a cycle until the transaction ends; read it in the next statement.
--
-- town_id integer, cycle_id uuid
--
-- Locking and reading are two statements on purpose: one that waits for the
-- lock would still show the state it could see before it began to wait.
SELECT cycle.id
FROM programmes_cycle AS cycle
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
WHERE programme.town_id = %(town_id)s AND cycle.id = %(cycle_id)s
FOR NO KEY UPDATE OF cycle;
