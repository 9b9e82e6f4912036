-- Say how the headings of an account's CSV are called.
--
-- town_id, account, columns jsonb
UPDATE banking.account AS a SET columns = %(columns)s
WHERE a.town_id = %(town_id)s AND a.id = %(account)s AND a.columns <> %(columns)s;
