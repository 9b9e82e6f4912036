-- A voucher's local day of arrival, by the town's clock: what arrives on one day charges a card at most its cap, whatever days the
-- tills wrote. And indexes by which a till's vouchers are not all read for each that arrives.
SET LOCAL lock_timeout = '5s';

ALTER TABLE offline.voucher ADD COLUMN arrived date;
COMMENT ON COLUMN offline.voucher.arrived IS 'Local day on which it arrived; NULL where that was before days of arrival had a cap.';

CREATE INDEX voucher_of_till_by_day ON offline.voucher (town_id, device, day);
COMMENT ON INDEX offline.voucher_of_till_by_day IS 'Serves offline/sql/seen_by_till.sql, together with voucher_of_till_by_arrival.';
CREATE INDEX voucher_of_till_by_arrival ON offline.voucher (town_id, device, received_at);
COMMENT ON INDEX offline.voucher_of_till_by_arrival IS 'Serves offline/sql/seen_by_till.sql, together with voucher_of_till_by_day.';
CREATE INDEX voucher_of_card_by_arrival ON offline.voucher (town_id, card, arrived) WHERE card IS NOT NULL;
COMMENT ON INDEX offline.voucher_of_card_by_arrival IS 'Serves offline/sql/seen_of_card.sql and same_card.sql, together with voucher_of_card.';
COMMENT ON INDEX offline.counter_once IS 'One voucher settled for each counter; serves offline/sql/first_of_counter.sql, devices.sql and gaps.sql.';
