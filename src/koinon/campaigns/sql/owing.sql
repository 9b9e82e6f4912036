-- Parties of a town who owe bonuses that refunds undid and have bonus money again, as when a hold on it lapsed.
--
-- town_id  integer
--
-- One row (id uuid) for each. No lock.
SELECT DISTINCT owed.party AS id
FROM campaigns.bonus AS owed
INNER JOIN ledger.account AS purse ON purse.town_id = owed.town_id AND purse.id = owed.purse
WHERE
    owed.town_id = %(town_id)s AND owed.due_back_minor > owed.undone_minor AND purse.closed_at IS NULL
    AND purse.credits_posted - purse.debits_posted - purse.debits_held > 0
ORDER BY 1;
