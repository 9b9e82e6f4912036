-- Lock the row by which a town's vouchers take turns, until the transaction ends; tills are numbered under it too.
--
-- town_id integer
--
-- Locked before any other row of the package and before the books.
INSERT INTO offline.tally AS t (town_id)
VALUES (%(town_id)s)
ON CONFLICT (town_id) DO UPDATE SET devices = t.devices
RETURNING t.devices;
