-- Of what was given out in a month, how many had it when it left or where it lies, by the payments it had made.
SET LOCAL lock_timeout = '5s';

ALTER TABLE impact.month_trace ADD COLUMN ends jsonb;
COMMENT ON COLUMN impact.month_trace.ends IS 'Lots only: of what was given out in the month itself, by the payments it had made, how many holders it left or lies with, how much, and the largest and the next of one. Disclosure control asks for it; NULL where nobody counted.';
