-- The time banks of a town, or the one of an id or code. Locks nothing.
--
-- town_id integer, bank_id uuid or null, code text or null
SELECT
    bank.id, bank.code, bank.name, bank.unit, bank.credit_limit, bank.most, bank.account,
    (
        SELECT count(*) FROM coproduction.time_bank_member AS m
        WHERE m.town_id = bank.town_id AND m.bank_id = bank.id AND m.left_at IS NULL
    )::integer AS members,
    (
        SELECT coalesce(sum(e.minutes), 0) FROM coproduction.time_exchange AS e
        WHERE e.town_id = bank.town_id AND e.bank_id = bank.id AND e.undone_at IS NULL
    )::integer AS exchanged
FROM coproduction.time_bank AS bank
WHERE
    bank.town_id = %(town_id)s AND (%(bank_id)s::uuid IS NULL OR bank.id = %(bank_id)s)
    AND (%(code)s::text IS NULL OR bank.code = %(code)s)
ORDER BY bank.name, bank.id;
