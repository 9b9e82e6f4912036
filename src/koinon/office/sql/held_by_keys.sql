-- What is sealed or signed under which key of the installation, in every town.
--
-- at     timestamptz  now
-- since  timestamptz  files being looked at that were sent before are swept, and count no more
--
-- One row (what text, key_id text, held bigint, until timestamptz) for each kind and key there is; key_id is empty for
-- hashes of PINs from before they were sealed. until says how long the last one is good, of what ends by itself: payment
-- requests that can still be paid, and files being looked at. Locks nothing.
SELECT 'people' AS what, entry.key_id, count(*) AS held, NULL::timestamptz AS until
FROM parties_vaultentry AS entry
GROUP BY entry.key_id
UNION ALL
SELECT 'pins', coalesce(substring(p.hash FROM ',keyid=([A-Za-z0-9.-]+)[$]'), ''), count(*), NULL
FROM instruments.pin AS p
GROUP BY 2
UNION ALL
SELECT 'cashiers-pins', coalesce(substring(c.pin_hash FROM ',keyid=([A-Za-z0-9.-]+)[$]'), ''), count(*), NULL
FROM payments.cashier AS c
GROUP BY 2
UNION ALL
SELECT 'cards-in-the-drawer', c.key_id, count(*), NULL
FROM instruments.card AS c
WHERE c.sealed_token IS NOT NULL
GROUP BY c.key_id
UNION ALL
SELECT 'webhooks', sealed.key_id, count(DISTINCT l.id), NULL
FROM outbox.listener AS l
CROSS JOIN LATERAL (
    VALUES (l.key_id, l.secret), (l.old_key_id, l.old_secret)
) AS sealed (key_id, secret)
WHERE sealed.secret IS NOT NULL
GROUP BY sealed.key_id
UNION ALL
SELECT 'files-looked-at', u.key_id, count(*), max(u.sent_at) + (%(at)s::timestamptz - %(since)s::timestamptz)
FROM office.upload AS u
WHERE u.sent_at > %(since)s
GROUP BY u.key_id
UNION ALL
SELECT 'requests', r.key_id, count(*), max(r.expires_at)
FROM payments.request AS r
WHERE r.expires_at > %(at)s AND r.withdrawn_at IS NULL
GROUP BY r.key_id;
