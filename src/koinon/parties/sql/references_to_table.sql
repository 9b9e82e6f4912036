-- The foreign keys that point at a table.
--
-- schema text, table text
--
-- One row for each: the table and column that refer, and the column referred to.
SELECT
    space.nspname AS schema,
    child.relname AS child,
    child_attribute.attname AS child_column,
    parent_attribute.attname AS parent_column
FROM pg_constraint AS constrained
INNER JOIN pg_class AS child ON child.oid = constrained.conrelid
INNER JOIN pg_namespace AS space ON space.oid = child.relnamespace
INNER JOIN pg_attribute AS child_attribute
    ON child_attribute.attrelid = constrained.conrelid AND child_attribute.attnum = constrained.conkey[1]
INNER JOIN pg_attribute AS parent_attribute
    ON parent_attribute.attrelid = constrained.confrelid AND parent_attribute.attnum = constrained.confkey[1]
INNER JOIN pg_class AS parent ON parent.oid = constrained.confrelid
INNER JOIN pg_namespace AS parent_space ON parent_space.oid = parent.relnamespace
WHERE
    constrained.contype = 'f'
    AND cardinality(constrained.conkey) = 1
    AND parent_space.nspname = %(schema)s
    AND parent.relname = %(table)s
ORDER BY space.nspname, child.relname, child_attribute.attname;
