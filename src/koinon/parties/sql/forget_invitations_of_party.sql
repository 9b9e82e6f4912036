-- No code opens anything for this party any more.
--
-- party_id  uuid
DELETE FROM parties_invitation WHERE party_id = %(party_id)s;
