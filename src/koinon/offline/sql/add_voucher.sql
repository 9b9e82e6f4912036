-- Keep a voucher with what became of it.
--
-- town_id, id, device, counter, clashes, party, card, amount_minor, accepted_at, received_at, day, arrived, month, paid_minor,
-- covered_minor, owed_minor, borne_minor, fund_id, payment_id, grounds, body, digest, signature
INSERT INTO offline.voucher (
    town_id, id, device, counter, clashes, party, card, amount_minor, accepted_at, received_at, day, arrived, month,
    paid_minor, covered_minor, owed_minor, borne_minor, fund_id, payment_id, grounds, body, digest, signature
)
VALUES (
    %(town_id)s, %(id)s, %(device)s, %(counter)s, %(clashes)s, %(party)s, %(card)s, %(amount_minor)s, %(accepted_at)s,
    %(received_at)s, %(day)s, %(arrived)s, %(month)s, %(paid_minor)s, %(covered_minor)s, %(owed_minor)s, %(borne_minor)s,
    %(fund_id)s, %(payment_id)s, %(grounds)s::jsonb, %(body)s, %(digest)s, %(signature)s
);
