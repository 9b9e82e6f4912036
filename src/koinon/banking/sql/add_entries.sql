-- Write the entries of a statement that no earlier one had.
--
-- town_id, account, statement, and arrays with one place for each entry:
-- ids, numbers, identities, occurrences, booked_on, value_on, amounts, bank_references, message_ids, end_to_end_ids,
-- structured_references, returns, return_codes, bank_codes, mentions (text, ids with a comma between), sealed
--
-- All are listed until they are matched.
INSERT INTO banking.entry (
    town_id, id, account_id, statement_id, number, identity, occurrence, booked_on, value_on, amount_minor,
    bank_reference, message_id, end_to_end_id, structured_reference, is_return, return_code, bank_code, mentions,
    grounds, sealed
)
SELECT
    %(town_id)s, e.id, %(account)s, %(statement)s, e.number, e.identity, e.occurrence, e.booked_on, e.value_on,
    e.amount_minor, e.bank_reference, e.message_id, e.end_to_end_id, e.structured_reference, e.is_return,
    e.return_code, e.bank_code, coalesce(string_to_array(nullif(e.mentions, ''), ','), '{}')::uuid [],
    '[{"code": "entry.not-looked-at", "fields": {}}]', e.sealed
FROM unnest(
    %(ids)s::uuid [], %(numbers)s::integer [], %(identities)s::bytea [], %(occurrences)s::integer [],
    %(booked_on)s::date [], %(value_on)s::date [], %(amounts)s::bigint [], %(bank_references)s::text [],
    %(message_ids)s::text [], %(end_to_end_ids)s::text [], %(structured_references)s::text [],
    %(returns)s::boolean [], %(return_codes)s::text [], %(bank_codes)s::text [], %(mentions)s::text [],
    %(sealed)s::bytea []
) AS e (
    id, number, identity, occurrence, booked_on, value_on, amount_minor, bank_reference, message_id, end_to_end_id,
    structured_reference, is_return, return_code, bank_code, mentions, sealed
);
