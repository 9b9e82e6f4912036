-- By which way a party chose to be told of what.
--
-- party_id  uuid
SELECT topic, way FROM parties_noticechoice WHERE party_id = %(party_id)s;
