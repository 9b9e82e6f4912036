-- Sign a user out in every browser.
--
-- user_id  bigint
WITH ended AS (
    DELETE FROM parties_browsersession WHERE user_id = %(user_id)s
    RETURNING session_key
)

DELETE FROM django_session WHERE session_key IN (SELECT session_key FROM ended);
