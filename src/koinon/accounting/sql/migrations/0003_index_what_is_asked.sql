-- An index for what a page asks of a large table, and none for what nothing asks any more.
SET LOCAL lock_timeout = '5s';

CREATE INDEX contribution_by_what_it_corrects ON coproduction.contribution (town_id, replaces) WHERE replaces IS NOT NULL;
COMMENT ON INDEX coproduction.contribution_by_what_it_corrects IS 'Serves coproduction/sql/corrected_by.sql; corrections are few.';

-- Made with the schema of payments, which comes after the ledger: so it can be dropped only here.
DROP INDEX ledger.hold_open_by_payee;
COMMENT ON INDEX ledger.hold_open_by_payer IS 'Serves payments.spent_by_day.';
