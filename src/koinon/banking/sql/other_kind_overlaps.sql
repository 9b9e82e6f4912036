-- Whether statements of another format cover some of these days of an account.
--
-- town_id, account, kind, from_day, to_day
SELECT EXISTS (
    SELECT 1 FROM banking.statement AS s
    WHERE
        s.town_id = %(town_id)s AND s.account_id = %(account)s AND s.kind <> %(kind)s
        AND s.from_day <= %(to_day)s AND s.to_day >= %(from_day)s
) AS other_kind_overlaps;
