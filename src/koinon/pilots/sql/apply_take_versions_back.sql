-- Take back what was said to hold from later days on for a fund of which nothing was issued yet.
--
-- fund_id uuid, at timestamptz, actor text
UPDATE programmes_fundversion SET withdrawn_at = %(at)s, withdrawn_by = %(actor)s
WHERE fund_id = %(fund_id)s AND withdrawn_at IS NULL;
