-- Forget by which values a party was found.
--
-- party_id  uuid
DELETE FROM parties_vaultlookup WHERE party_id = %(party_id)s;
