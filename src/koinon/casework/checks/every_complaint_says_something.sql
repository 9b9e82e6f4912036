-- Invariant: every complaint has words, and every answered one an answer.
-- Returns the complaints that break it; an empty answer is a pass.
SELECT c.town_id, c.id AS complaint, c.state
FROM casework.complaint AS c
WHERE
    NOT EXISTS (SELECT FROM casework.note AS n WHERE n.town_id = c.town_id AND n.complaint = c.id AND n.kind = 'words')
    OR (
        c.state = 'answered'
        AND NOT EXISTS (SELECT FROM casework.note AS n WHERE n.town_id = c.town_id AND n.complaint = c.id AND n.kind = 'answer')
    );
