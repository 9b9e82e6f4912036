-- Take down an organisation's sign: a sole trader's trade name is a person's name.
--
-- party_id  uuid
UPDATE parties_organisation
SET trade_name = '', registry_number = '', active = FALSE
WHERE party_id = %(party_id)s;
