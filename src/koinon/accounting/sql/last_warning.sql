-- Where a town stood when that last changed; no row before the first time.
--
-- town_id integer
--
-- To be read under the lock of lock_warnings.sql.
SELECT standing FROM accounting.warning WHERE town_id = %(town_id)s ORDER BY at DESC LIMIT 1;
