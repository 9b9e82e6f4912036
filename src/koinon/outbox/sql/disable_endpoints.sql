-- Stop sending to endpoints; what is due waits until somebody resumes them.
--
-- towns integer[], ids uuid[] (side by side), why text
--
-- One row (town_id integer, id uuid, failing_since timestamptz, failures integer) for each that was active until now.
UPDATE outbox.listener AS l
SET state = 'disabled', disabled_at = statement_timestamp(), disabled_why = %(why)s
FROM unnest(%(towns)s::integer[], %(ids)s::uuid[]) AS ill (town_id, id)
WHERE l.town_id = ill.town_id AND l.id = ill.id AND l.state = 'active' AND l.channel = 'webhook'
RETURNING l.town_id, l.id, l.failing_since, l.failures;
