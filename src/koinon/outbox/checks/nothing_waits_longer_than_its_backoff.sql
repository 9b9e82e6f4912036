-- Invariant: nothing that is due waits for more than a day and a fifth from now, which is the longest wait between two tries.
-- Returns the deliveries that break it; an empty answer is a pass.
SELECT d.town_id, d.event_id, d.listener_id, d.recipient, d.attempts, d.next_at
FROM outbox.delivery AS d
WHERE d.state = 'due' AND d.next_at > statement_timestamp() + interval '29 hours';
