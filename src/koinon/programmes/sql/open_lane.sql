-- Say from which account a lane is paid.
--
-- lane bigint, escrow integer
UPDATE programmes_lane SET escrow = %(escrow)s WHERE id = %(lane)s;
