-- Take a change back that was announced.
--
-- id uuid, now timestamptz, actor text
UPDATE programmes_fundversion SET withdrawn_at = %(now)s, withdrawn_by = %(actor)s WHERE id = %(id)s;
