"""What went out of reserves and came back is read in one place, by whatever asks for it."""

from __future__ import annotations

from django.db import migrations

RESERVE_MOVED = """
CREATE FUNCTION programmes_reserve_moved(p_town integer, p_funds uuid [])
RETURNS TABLE (
    fund uuid, last_seq bigint, minor bigint, received numeric, issued numeric, apart numeric, swept numeric
)
LANGUAGE sql STABLE
AS $$
    WITH RECURSIVE reserve AS (
        SELECT
            acc.id, acc.fund, acc.last_seq, acc.credits_posted - acc.debits_posted AS minor,
            coalesce(mark.seq, 0) AS seq, coalesce(mark.received_minor, 0) AS received,
            coalesce(mark.issued_minor, 0) AS issued, coalesce(mark.apart_minor, 0) AS apart,
            coalesce(mark.swept_minor, 0) AS swept
        FROM ledger.account AS acc
        INNER JOIN parties_town AS town ON town.id = acc.town_id AND town.party_id = acc.holder
        LEFT JOIN programmes_reservemark AS mark ON mark.fund_id = acc.fund
        WHERE acc.town_id = p_town AND acc.kind = 'reserve' AND acc.fund IS NOT NULL
            AND (p_funds IS NULL OR acc.fund = ANY(p_funds))
    ), walked AS (
        SELECT
            reserve.id AS reserve, reserve.seq AS until, line.code, line.reference,
            CASE WHEN line.debit_account = reserve.id THEN -line.amount_minor ELSE line.amount_minor END AS minor,
            CASE WHEN line.debit_account = reserve.id THEN line.debit_prev ELSE line.credit_prev END AS prev
        FROM reserve
        INNER JOIN ledger.journal AS line ON line.town_id = p_town AND line.seq = reserve.last_seq
        WHERE reserve.last_seq > reserve.seq
        UNION ALL
        SELECT
            walked.reserve, walked.until, line.code, line.reference,
            CASE WHEN line.debit_account = walked.reserve THEN -line.amount_minor ELSE line.amount_minor END,
            CASE WHEN line.debit_account = walked.reserve THEN line.debit_prev ELSE line.credit_prev END
        FROM walked
        INNER JOIN ledger.journal AS line ON line.town_id = p_town AND line.seq = walked.prev
        WHERE walked.prev > walked.until
    )
    SELECT
        reserve.fund, reserve.last_seq, reserve.minor,
        reserve.received + coalesce(sum(walked.minor) FILTER (WHERE code.name IN ('receive', 'withdraw')), 0),
        reserve.issued - coalesce(sum(walked.minor) FILTER (WHERE code.name IN ('issue', 'unissue')), 0),
        reserve.apart - coalesce(sum(walked.minor) FILTER (
            WHERE code.name IN ('issue', 'unissue') AND NOT starts_with(walked.reference, 'cycle:')
        ), 0),
        reserve.swept + coalesce(sum(walked.minor) FILTER (WHERE code.name = 'expire'), 0)
    FROM reserve
    LEFT JOIN walked ON walked.reserve = reserve.id
    LEFT JOIN ledger.code AS code ON code.number = walked.code
    GROUP BY
        reserve.fund, reserve.last_seq, reserve.minor, reserve.received, reserve.issued, reserve.apart, reserve.swept
$$;
COMMENT ON FUNCTION programmes_reserve_moved IS 'What went out of the reserves of a town''s funds (NULL: of all of them) and came back, in minor units: by walking from each reserve''s newest transfer back to the mark up to which mark_reserves.sql has summed them up.';
"""


class Migration(migrations.Migration):
    dependencies = [("programmes", "0006_reserve_marks")]

    operations = [
        migrations.RunSQL(RESERVE_MOVED, "DROP FUNCTION programmes_reserve_moved"),
    ]
