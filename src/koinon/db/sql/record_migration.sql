-- Remember that a migration has run, in the transaction that ran it.
--
-- package  text  such as koinon.ledger
-- name     text  the file's name without its ending
-- sha256   text  of the file's bytes, in hexadecimal
INSERT INTO public.koinon_migration (package, name, sha256)
VALUES (%(package)s, %(name)s, %(sha256)s);
