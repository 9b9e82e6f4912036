-- Between residents money of a fund becomes free or stays money of that fund, as the fund's rule says; what accounts are for is
-- said accordingly. Route pay from purse to purse takes both; an invariant of payments looks that neither makes money of another fund.
SET LOCAL lock_timeout = '5s';

COMMENT ON COLUMN ledger.account.fund IS 'The fund whose rule the money keeps, NULL for free money: in a purse aid, from the town or from another resident; in a till what a shop may only pay on.';
