"""Payments under faults: random traffic, kills and cut connections, and a checker of what everybody was told.

    harness.py      starts everything, breaks it again and again, asks the checker in the end
    client.py       a client in a process of its own; writes its history before it asks and after it is told
    traffic.py      what clients ask
    application.py  the posting server between clients and database
    proxy.py        stands in the connections and cuts them at chosen moments
    database.py     the embedded PostgreSQL, to be killed
    history.py      what was asked and told, kept so that a kill loses no line
    books.py        the books in plain Python, as they were after each operation
    checker.py      whether one order explains everything that was told

``python -m tests.faults --kills 200`` (or ``make faults``) is the long run;
docs/explanation/faults.md explains what is checked and why.
"""
