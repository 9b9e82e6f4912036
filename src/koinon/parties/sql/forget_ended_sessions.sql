-- Forget sessions that are over, with the browsers they were in, and what the shared cache need not remember.
--
-- at  timestamptz
--
-- A session holds by which name somebody signed in, so it stays no longer than it is good.
WITH over AS (
    DELETE FROM django_session WHERE expire_date < %(at)s
), stale AS (
    DELETE FROM koinon_cache WHERE expires < %(at)s
)

DELETE FROM parties_browsersession AS b
WHERE NOT EXISTS (SELECT FROM django_session AS s WHERE s.session_key = b.session_key AND s.expire_date >= %(at)s);
