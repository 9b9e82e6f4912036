-- Invariant: of what corrects one contribution, at most one waits or is verified: nobody is rewarded twice for what was corrected twice.
-- Returns the contributions that break it; an empty answer is a pass.
SELECT c.town_id, c.replaces AS contribution, count(*) AS corrections
FROM coproduction.contribution AS c
WHERE c.replaces IS NOT NULL AND c.state NOT IN ('rejected', 'undone')
GROUP BY c.town_id, c.replaces
HAVING count(*) > 1;
