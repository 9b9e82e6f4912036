-- Destroy a party's wrapped key and everything sealed under it.
--
-- party_id  uuid
DELETE FROM parties_vaultentry WHERE party_id = %(party_id)s;
