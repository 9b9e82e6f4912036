-- Exchanges of a town's time banks, newest first: of one bank or of one id. Locks nothing.
--
-- town_id integer, bank_id uuid or null, exchange_id uuid or null, size integer
SELECT
    e.id, e.bank_id, e.payer, payer.number AS payer_number, e.payee, payee.number AS payee_number, e.minutes, e.actor, e.at,
    e.undone_at, e.reason
FROM coproduction.time_exchange AS e
INNER JOIN coproduction.time_bank_member AS payer
    ON payer.town_id = e.town_id AND payer.bank_id = e.bank_id AND payer.party = e.payer
INNER JOIN coproduction.time_bank_member AS payee
    ON payee.town_id = e.town_id AND payee.bank_id = e.bank_id AND payee.party = e.payee
WHERE
    e.town_id = %(town_id)s AND (%(bank_id)s::uuid IS NULL OR e.bank_id = %(bank_id)s)
    AND (%(exchange_id)s::uuid IS NULL OR e.id = %(exchange_id)s)
ORDER BY e.at DESC, e.id DESC
LIMIT %(size)s;
