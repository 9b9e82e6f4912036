-- Members of a town's time banks, with what they have: of one bank, one party, or one number. Locks nothing.
--
-- town_id integer, bank_id uuid or null, party uuid or null, number integer or null
SELECT
    m.bank_id, bank.code AS bank_code, bank.name AS bank_name, bank.unit, m.party, m.number, m.account,
    (account.credits_posted - account.debits_posted)::integer AS balance, (-account.floor_minor)::integer AS credit_limit,
    account.ceiling_minor::integer AS most, m.joined_at, m.left_at
FROM coproduction.time_bank_member AS m
INNER JOIN coproduction.time_bank AS bank ON bank.town_id = m.town_id AND bank.id = m.bank_id
INNER JOIN ledger.account AS account ON account.town_id = m.town_id AND account.id = m.account
WHERE
    m.town_id = %(town_id)s AND (%(bank_id)s::uuid IS NULL OR m.bank_id = %(bank_id)s)
    AND (%(party)s::uuid IS NULL OR m.party = %(party)s) AND (%(number)s::integer IS NULL OR m.number = %(number)s)
ORDER BY bank.name, m.bank_id, m.number;
