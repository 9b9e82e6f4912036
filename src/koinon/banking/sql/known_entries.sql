-- How many entries of an account look like each of these.
--
-- town_id     integer
-- account     uuid
-- identities  bytea[]
--
-- One row (identity, count) for each that is known. Whoever acts on it holds the account's lock.
SELECT e.identity, count(*)::integer AS kept
FROM banking.entry AS e
WHERE e.town_id = %(town_id)s AND e.account_id = %(account)s AND e.identity = ANY(%(identities)s)
GROUP BY e.identity;
