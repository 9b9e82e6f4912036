-- Delete messages that ended before an instant; how many there were.
--
-- before timestamptz
DELETE FROM outbox.message AS m WHERE m.state <> 'due' AND m.finished_at < %(before)s;
