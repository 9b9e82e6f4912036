-- Say that an exception holds no longer; months that were prepared with it keep it.
--
-- exception_id uuid, actor text, now timestamptz
UPDATE programmes_aidexception
SET state = 'withdrawn', withdrawn_by = %(actor)s, withdrawn_at = %(now)s
WHERE id = %(exception_id)s AND state IN ('proposed', 'approved');
