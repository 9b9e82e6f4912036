-- The purses of some funds that some parties have, closed ones too.
--
-- town_id  integer
-- holders  uuid[]
-- funds    uuid[]
-- unit     text
--
-- One row for each. No lock: whoever asks has locked the parties' purses.
SELECT
    acc.id, acc.holder, acc.fund, acc.closed_at IS NULL AS is_open,
    acc.credits_posted - acc.debits_posted - acc.debits_held AS available_minor,
    acc.ceiling_minor - (acc.credits_posted - acc.debits_posted + acc.credits_held) AS room_minor
FROM ledger.account AS acc
WHERE
    acc.town_id = %(town_id)s AND acc.holder = ANY(%(holders)s::uuid []) AND acc.kind = 'purse'
    AND acc.fund = ANY(%(funds)s::uuid []) AND acc.unit = %(unit)s;
