-- A mark that is another one after anything was written of who holds accounts. Locks nothing, and reads no table.
--
-- One row; NULL where the server does not count what is written. It counts after a transaction has ended, mostly at once and at the
-- latest a minute after, so a mark says nothing of what was committed just now: whoever takes it before looking sees
-- another one the next time. Payments change accounts and are not counted; accounts that were opened are.
SELECT
    CASE WHEN current_setting('track_counts')::boolean THEN
        string_agg(
            concat_ws(
                ',', register.name, pg_relation_filenode(register.name::regclass),
                pg_stat_get_tuples_inserted(register.name::regclass),
                CASE WHEN NOT register.is_paid_from THEN pg_stat_get_tuples_updated(register.name::regclass) END,
                pg_stat_get_tuples_deleted(register.name::regclass)
            ), ' '
            ORDER BY register.name
        )
    END AS mark
FROM (
    VALUES
    ('ledger.account', TRUE),
    ('parties_party', FALSE),
    ('parties_organisation', FALSE),
    ('parties_household', FALSE),
    ('parties_person', FALSE),
    ('parties_zone', FALSE),
    ('programmes_fund', FALSE)
) AS register (name, is_paid_from);
