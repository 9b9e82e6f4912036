-- Who approved a cycle as it was last submitted, first one first.
--
-- cycle_id uuid
SELECT approval.actor, approval.at, approval.fingerprint
FROM programmes_cycleapproval AS approval
INNER JOIN programmes_cycle AS cycle ON cycle.id = approval.cycle_id AND cycle.submitted_at = approval.submitted_at
WHERE approval.cycle_id = %(cycle_id)s
ORDER BY approval.at, approval.id;
