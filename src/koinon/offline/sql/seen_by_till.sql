-- What a till had taken from a card on a local day beside a counter, and what it kept unsent together with it.
--
-- Whatever came before counts, also under a higher counter: a till that sends backwards evades no cap of its own.
--
-- town_id integer, device uuid, counter integer, card uuid or null, day date, accepted_at timestamptz
SELECT
    coalesce(sum(v.amount_minor) FILTER (WHERE v.card = %(card)s::uuid AND v.day = %(day)s), 0)::bigint AS here_minor,
    coalesce(sum(v.amount_minor) FILTER (WHERE v.received_at > %(accepted_at)s), 0)::bigint AS unsent_minor
FROM offline.voucher AS v
WHERE
    v.town_id = %(town_id)s AND v.device = %(device)s AND v.counter <> %(counter)s AND NOT v.clashes
    AND (v.day = %(day)s OR v.received_at > %(accepted_at)s);
