-- Say what a second person decided about a proposed exception.
--
-- exception_id uuid, state text (approved, rejected), actor text, now timestamptz
UPDATE programmes_aidexception
SET state = %(state)s, decided_by = %(actor)s, decided_at = %(now)s
WHERE id = %(exception_id)s AND state = 'proposed';
