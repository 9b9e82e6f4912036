-- Users who may act for this party and for nobody and nothing else.
--
-- party_id  uuid
SELECT DISTINCT granted.user_id
FROM parties_rolegrant AS granted
INNER JOIN parties_user AS signed ON signed.id = granted.user_id
WHERE
    granted.party_id = %(party_id)s
    AND NOT signed.is_superuser
    AND NOT EXISTS (
        SELECT FROM parties_rolegrant AS other
        WHERE other.user_id = granted.user_id AND other.party_id IS DISTINCT FROM granted.party_id
    );
