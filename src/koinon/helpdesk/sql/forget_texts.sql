-- Forget text messages that came before an instant.
--
-- before timestamptz
DELETE FROM helpdesk.text AS t WHERE t.at < %(before)s;
