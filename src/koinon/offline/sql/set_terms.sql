-- Write the terms that hold from a local day on; terms that would begin on the same day are replaced.
--
-- town_id, from_day, voucher_most_minor, card_most_minor, device_most_minor, sync_days, devices_most, bearer, fund_id,
-- month_most_minor, source, set_by, set_at
INSERT INTO offline.terms AS t (
    town_id, from_day, voucher_most_minor, card_most_minor, device_most_minor, sync_days, devices_most, bearer, fund_id,
    month_most_minor, source, set_by, set_at
)
VALUES (
    %(town_id)s, %(from_day)s, %(voucher_most_minor)s, %(card_most_minor)s, %(device_most_minor)s, %(sync_days)s,
    %(devices_most)s, %(bearer)s, %(fund_id)s, %(month_most_minor)s, %(source)s, %(set_by)s, %(set_at)s
)
ON CONFLICT (town_id, from_day) DO UPDATE
SET voucher_most_minor = excluded.voucher_most_minor,
    card_most_minor = excluded.card_most_minor,
    device_most_minor = excluded.device_most_minor,
    sync_days = excluded.sync_days,
    devices_most = excluded.devices_most,
    bearer = excluded.bearer,
    fund_id = excluded.fund_id,
    month_most_minor = excluded.month_most_minor,
    source = excluded.source,
    set_by = excluded.set_by,
    set_at = excluded.set_at;
