-- Invariant: a right that takes two people was given by somebody who neither asked for it nor got it.
-- Returns the requests that break it; an empty answer is a pass.
SELECT town_id, id, user_id, asked_by_id, decided_by_id
FROM parties_rightrequest
WHERE outcome = 'given' AND decided_by_id IN (asked_by_id, user_id);
