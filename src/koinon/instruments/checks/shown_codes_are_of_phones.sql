-- Invariant: a code that is good once was shown by a phone, and a payment that it made is one that stands in the books, from the phone's holder.
-- Returns the codes that break it; an empty answer is a pass.
SELECT s.town_id, encode(s.digest, 'hex') AS code, s.instrument, s.payment
FROM instruments.shown_code AS s
LEFT JOIN instruments.card AS c ON c.town_id = s.town_id AND c.id = s.instrument
LEFT JOIN ledger.journal AS line ON line.town_id = s.town_id AND line.id = s.payment
LEFT JOIN ledger.account AS payer ON payer.town_id = line.town_id AND payer.id = line.debit_account
WHERE c.kind IS DISTINCT FROM 'phone' OR (s.payment IS NOT NULL AND payer.holder IS DISTINCT FROM c.party);
