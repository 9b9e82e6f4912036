-- What came into and left a party's purses or till, newest first, a page at a time.
--
-- town_id  integer
-- party    uuid
-- before   uuid or null  the last movement shown before
-- size     integer       how many at the most
--
-- One row for each payment, refund or single transfer, by the id of its group; of a group only the transfers on
-- these accounts. Each account gives the transfers of its newest groups by walking the pointers in its rows; the
-- newest of all are the page. Where the movement shown before stands on an account, the walk begins there; on the
-- other accounts of the party it begins at the newest and passes by what was shown.
WITH shown AS (
    SELECT named.first_seq FROM payments.groups_of(%(town_id)s::integer, ARRAY[%(before)s::uuid]) AS named
    WHERE named.leg = 0
), mine AS (
    SELECT acc.id, acc.fund, acc.last_seq FROM ledger.account AS acc
    WHERE
        acc.town_id = %(town_id)s AND acc.holder = %(party)s AND acc.kind <> 'member'
        AND (%(before)s::uuid IS NULL OR EXISTS (SELECT FROM shown))
), place AS (
    SELECT mine.id, mine.fund, coalesce(touched.prev, mine.last_seq) AS seq
    FROM mine
    LEFT JOIN LATERAL (
        SELECT CASE WHEN line.debit_account = mine.id THEN line.debit_prev ELSE line.credit_prev END AS prev
        FROM shown
        INNER JOIN ledger.journal AS head ON head.town_id = %(town_id)s AND head.seq = shown.first_seq
        CROSS JOIN LATERAL generate_series(0, head.legs - 1) AS part (leg)
        INNER JOIN ledger.journal AS line ON line.town_id = head.town_id AND line.seq = head.seq + part.leg
        WHERE (line.debit_account = mine.id OR line.credit_account = mine.id) AND line.kind NOT IN ('h', 'g')
        ORDER BY line.seq
        LIMIT 1
    ) AS touched ON TRUE
), moved AS (
    SELECT
        line.seq - line.leg AS first_seq, line.seq, line.effective_at, line.code, line.kind, line.reference, place.fund,
        CASE WHEN line.debit_account = place.id THEN -line.amount_minor ELSE line.amount_minor END AS signed_minor,
        CASE WHEN line.debit_account = place.id THEN line.credit_account ELSE line.debit_account END AS other
    FROM place
    CROSS JOIN LATERAL payments.walk(
        %(town_id)s::integer, place.id, place.seq, '-infinity',
        coalesce((SELECT shown.first_seq FROM shown), 9223372036854775807), %(size)s::integer
    ) AS line
), page AS (
    SELECT
        moved.first_seq,
        min(moved.effective_at) AS effective_at,
        min(moved.code) AS code,
        bool_or(moved.kind IN ('r', 'R')) AS is_reversal,
        sum(moved.signed_minor)::bigint AS signed_minor,
        min(moved.other) AS other,
        min(moved.reference) AS reference,
        jsonb_agg(
            jsonb_build_object('fund', coalesce(fund.name, ''), 'minor', moved.signed_minor) ORDER BY moved.seq
        )::text AS parts_json
    FROM moved
    LEFT JOIN programmes_fund AS fund ON fund.id = moved.fund
    GROUP BY moved.first_seq
    ORDER BY moved.first_seq DESC
    LIMIT %(size)s
)
SELECT
    head.id, page.effective_at, code.name AS code, page.is_reversal, page.signed_minor, other.unit,
    CASE WHEN other.kind IN ('purse', 'till') THEN other.holder END AS counterparty,
    coalesce(organisation.trade_name, '') AS counterparty_name,
    page.reference, page.parts_json, coalesce(right(card.number, 4), '') AS helper_card
FROM page
INNER JOIN ledger.journal AS head ON head.town_id = %(town_id)s AND head.seq = page.first_seq
INNER JOIN ledger.code AS code ON code.number = page.code
INNER JOIN ledger.account AS other ON other.town_id = %(town_id)s AND other.id = page.other
LEFT JOIN parties_organisation AS organisation ON organisation.party_id = other.holder
LEFT JOIN instruments.authorised_payment AS helped
    ON page.signed_minor < 0 AND helped.town_id = %(town_id)s AND helped.payment = head.id
LEFT JOIN instruments.card AS card ON card.town_id = %(town_id)s AND card.id = helped.card
ORDER BY page.first_seq DESC;
