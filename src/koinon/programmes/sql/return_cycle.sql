-- Make a submitted cycle a draft again, whose refused and waiting households are counted from its list once more.
--
-- cycle_id uuid
UPDATE programmes_cycle
SET
    state = 'prepared', submitted_by = '', submitted_at = NULL, fingerprint = '', checksum = '', approvers_needed = 1,
    refused = 0, waiting = 0, scheduled_by = '', scheduled_at = NULL, problem = ''
WHERE id = %(cycle_id)s AND state = 'submitted';
