-- Nobody acts for this party any more.
--
-- party_id  uuid
DELETE FROM parties_rolegrant WHERE party_id = %(party_id)s;
