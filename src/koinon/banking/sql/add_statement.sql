-- Write a statement of an account.
--
-- town_id, id, file, account, number, kind, reference, from_day, to_day, opening_minor, closing_minor, entries, fresh, pending
INSERT INTO banking.statement (
    town_id, id, file_id, account_id, number, kind, reference, from_day, to_day, opening_minor, closing_minor,
    entries, fresh, pending
)
VALUES (
    %(town_id)s, %(id)s, %(file)s, %(account)s, %(number)s, %(kind)s, %(reference)s, %(from_day)s, %(to_day)s,
    %(opening_minor)s, %(closing_minor)s, %(entries)s, %(fresh)s, %(pending)s
);
