-- Delete what ended before an instant; how many deliveries went.
--
-- before timestamptz, most integer
SELECT outbox.purge(%(before)s, %(most)s) AS gone;
