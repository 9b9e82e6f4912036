-- Take somebody into a time bank.
--
-- town_id integer, bank_id uuid, party uuid, number integer, account integer, joined_by text, joined_at timestamptz
INSERT INTO coproduction.time_bank_member (town_id, bank_id, party, number, account, joined_by, joined_at)
VALUES (%(town_id)s, %(bank_id)s, %(party)s, %(number)s, %(account)s, %(joined_by)s, %(joined_at)s);
