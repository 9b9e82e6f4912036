-- Forget files that nobody took in.
--
-- before timestamptz
DELETE FROM office.upload WHERE sent_at < %(before)s;
