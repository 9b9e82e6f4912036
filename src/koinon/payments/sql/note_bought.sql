-- Write down what payments and holds were for, as tills said; in the transaction that posts them.
--
-- town_id integer, ids uuid[], categories text[]  side by side
SELECT payments.note_bought(%(town_id)s::integer, %(ids)s::uuid[], %(categories)s::text[]);
