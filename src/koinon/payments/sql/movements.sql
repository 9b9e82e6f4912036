-- What came into and left a party's purses or till, newest first, a page at a time.
--
-- town_id    integer
-- party      uuid
-- before     uuid or null  the last movement shown before
-- not_after  uuid or null  an id a little later than that one: where the index scan starts
-- size       integer       how many at the most
--
-- One row for each payment, refund or single transfer: ids are ordered by time,
-- and a group's transfers carry the id of their payment or refund.
--
-- A payment from several purses puts several transfers on one till. So each account
-- first gives the newest movements by index, counting of a group only its first transfer,
-- which says how far back the page goes; then all transfers from there on are fetched.
-- A transfer's id is never less than its movement's, so none of the page is missed.
WITH mine AS (
    SELECT id, fund FROM ledger.account WHERE town_id = %(town_id)s AND holder = %(party)s
), newest AS (
    SELECT DISTINCT part.movement
    FROM mine
    CROSS JOIN LATERAL (
        (
            SELECT coalesce(paid.group_id, paid.id) AS movement
            FROM ledger.transfer AS paid
            WHERE
                paid.town_id = %(town_id)s AND paid.debit_account = mine.id
                AND (%(not_after)s::uuid IS NULL OR paid.id <= %(not_after)s::uuid)
                AND (%(before)s::uuid IS NULL OR coalesce(paid.group_id, paid.id) < %(before)s::uuid)
                AND NOT EXISTS (
                    SELECT FROM ledger.transfer AS earlier
                    WHERE
                        earlier.town_id = %(town_id)s AND earlier.group_id = paid.group_id
                        AND earlier.debit_account = mine.id AND earlier.id < paid.id
                )
            ORDER BY paid.id DESC
            LIMIT %(size)s
        )
        UNION ALL
        (
            SELECT coalesce(got.group_id, got.id) AS movement
            FROM ledger.transfer AS got
            WHERE
                got.town_id = %(town_id)s AND got.credit_account = mine.id
                AND (%(not_after)s::uuid IS NULL OR got.id <= %(not_after)s::uuid)
                AND (%(before)s::uuid IS NULL OR coalesce(got.group_id, got.id) < %(before)s::uuid)
                AND NOT EXISTS (
                    SELECT FROM ledger.transfer AS earlier
                    WHERE
                        earlier.town_id = %(town_id)s AND earlier.group_id = got.group_id
                        AND earlier.credit_account = mine.id AND earlier.id < got.id
                )
            ORDER BY got.id DESC
            LIMIT %(size)s
        )
    ) AS part
    ORDER BY part.movement DESC
    LIMIT %(size)s
), oldest AS (
    SELECT movement FROM newest ORDER BY movement LIMIT 1
), moved AS (
    SELECT
        coalesce(part.group_id, part.id) AS movement, part.id, part.effective_at, part.code, part.reverses,
        part.reference, part.signed_minor, part.other, mine.fund
    FROM oldest
    CROSS JOIN mine
    CROSS JOIN LATERAL (
        SELECT
            paid.id, paid.group_id, paid.effective_at, paid.code, paid.reverses, paid.reference,
            -paid.amount_minor AS signed_minor, paid.credit_account AS other
        FROM ledger.transfer AS paid
        WHERE
            paid.town_id = %(town_id)s AND paid.debit_account = mine.id
            AND paid.id >= oldest.movement
            AND (%(not_after)s::uuid IS NULL OR paid.id <= %(not_after)s::uuid)
        UNION ALL
        SELECT
            got.id, got.group_id, got.effective_at, got.code, got.reverses, got.reference,
            got.amount_minor AS signed_minor, got.debit_account AS other
        FROM ledger.transfer AS got
        WHERE
            got.town_id = %(town_id)s AND got.credit_account = mine.id
            AND got.id >= oldest.movement
            AND (%(not_after)s::uuid IS NULL OR got.id <= %(not_after)s::uuid)
    ) AS part
    WHERE
        coalesce(part.group_id, part.id) >= oldest.movement
        AND (%(before)s::uuid IS NULL OR coalesce(part.group_id, part.id) < %(before)s::uuid)
), page AS (
    SELECT
        moved.movement,
        min(moved.effective_at) AS effective_at,
        min(moved.code) AS code,
        bool_or(moved.reverses IS NOT NULL) AS is_reversal,
        sum(moved.signed_minor)::bigint AS signed_minor,
        min(moved.other) AS other,
        min(moved.reference) AS reference,
        jsonb_agg(
            jsonb_build_object('fund', coalesce(fund.name, ''), 'minor', moved.signed_minor) ORDER BY moved.id
        )::text AS parts_json
    FROM moved
    LEFT JOIN programmes_fund AS fund ON fund.id = moved.fund
    GROUP BY moved.movement
    ORDER BY moved.movement DESC
    LIMIT %(size)s
)
SELECT
    page.movement AS id, page.effective_at, page.code, page.is_reversal, page.signed_minor, other.unit,
    CASE WHEN other.kind IN ('purse', 'till') THEN other.holder END AS counterparty,
    coalesce(organisation.trade_name, '') AS counterparty_name,
    page.reference, page.parts_json
FROM page
INNER JOIN ledger.account AS other ON other.town_id = %(town_id)s AND other.id = page.other
LEFT JOIN parties_organisation AS organisation ON organisation.party_id = other.holder
ORDER BY page.movement DESC;
