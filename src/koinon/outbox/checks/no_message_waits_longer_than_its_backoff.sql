-- Invariant: no message that is due waits for more than a day and a fifth from now, which is the longest wait between two tries.
-- Returns the messages that break it; an empty answer is a pass.
SELECT m.town_id, m.id, m.tries, m.next_at
FROM outbox.message AS m
WHERE m.state = 'due' AND m.next_at > statement_timestamp() + interval '29 hours';
