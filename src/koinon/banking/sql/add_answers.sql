-- Write what a status report said and what became of it.
--
-- town_id, file, and arrays with one place for each line: numbers, payments, runs, statuses, reasons, outcomes
INSERT INTO banking.answer (town_id, file_id, number, payment_id, run_id, status, reason, outcome)
SELECT %(town_id)s, %(file)s, a.number, a.payment_id, a.run_id, a.status, a.reason, a.outcome
FROM unnest(
    %(numbers)s::integer [], %(payments)s::uuid [], %(runs)s::uuid [], %(statuses)s::text [], %(reasons)s::text [],
    %(outcomes)s::text []
) AS a (number, payment_id, run_id, status, reason, outcome);
