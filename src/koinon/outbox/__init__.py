"""What has happened and who is to be told: rows written in the transaction of the money itself.

Knows opaque ids and amounts only. Says nothing to anybody: ``koinon.jobs.deliveries`` sends what is due here.
"""
