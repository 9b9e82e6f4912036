-- How many days before a change is announced, and before the last day whoever has money of the fund is told.
--
-- fund_id uuid, notice_days integer, warn_days integer
UPDATE programmes_fund SET notice_days = %(notice_days)s, warn_days = %(warn_days)s WHERE id = %(fund_id)s;
