-- Invariant: what was given out of a fund in a month is held, was redeemed, expired or was taken back, to the minor unit.
-- Returns the cohorts of which something is missing or too much; an empty answer is a pass.
SELECT
    c.town_id, c.convention, c.name,
    c.issued_minor - c.held_minor - c.redeemed_minor - c.expired_minor - c.withdrawn_minor AS missing_minor
FROM impact.cohort AS c
WHERE c.issued_minor <> c.held_minor + c.redeemed_minor + c.expired_minor + c.withdrawn_minor
   OR least(c.issued_minor, c.held_minor, c.redeemed_minor, c.expired_minor, c.withdrawn_minor, c.volume_minor) < 0;
