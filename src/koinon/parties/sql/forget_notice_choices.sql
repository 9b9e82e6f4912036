-- Forget how a party wanted to be told.
--
-- party_id  uuid
DELETE FROM parties_noticechoice WHERE party_id = %(party_id)s;
