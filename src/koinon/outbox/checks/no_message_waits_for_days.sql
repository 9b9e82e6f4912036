-- Invariant: no message waits longer than its waits between tries add up to: the job that sends them lives.
-- Returns the messages that break it; an empty answer is a pass.
SELECT m.town_id, m.id, m.tries, m.next_at
FROM outbox.message AS m
WHERE m.state = 'due' AND m.next_at < statement_timestamp() - interval '1 day';
