-- Lock and read all that a batch of commands looks at: one row, its lists as JSON.
--
-- town_id integer, payers uuid[], payees uuid[], at timestamptz[], ids uuid[], targets uuid[]
SELECT clock, unit, time_zone, payers, payees, accounts, funds, spent, named, lines
FROM payments.gather(
    %(town_id)s::integer, %(payers)s::uuid[], %(payees)s::uuid[], %(at)s::timestamptz[], %(ids)s::uuid[],
    %(targets)s::uuid[]
);
