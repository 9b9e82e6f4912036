-- Keep a file that was uploaded, unless the same content is known; then keep its content again until it is imported.
--
-- town_id, id, digest, name, account, sealed (NULL when it is imported at once), uploaded_at, uploaded_by
--
-- Waits for another connection that brings the same content.
INSERT INTO banking.file AS f (town_id, id, digest, name, account_id, sealed, uploaded_at, uploaded_by)
VALUES (
    %(town_id)s, %(id)s, %(digest)s, %(name)s, %(account)s, %(sealed)s, %(uploaded_at)s, %(uploaded_by)s
)
ON CONFLICT (town_id, digest) DO UPDATE
SET sealed = CASE WHEN f.imported_at IS NULL THEN coalesce(excluded.sealed, f.sealed) END,
    account_id = coalesce(excluded.account_id, f.account_id);
