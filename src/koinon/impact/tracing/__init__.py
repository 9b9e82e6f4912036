"""What became of each unit: every cohort of a ledger followed until it is redeemed, expires or is still held.

Knows arrays of transfers and what stands at the boundary of circulation. No database, no Django, no people: a
town's books and a researcher's file are brought into the same ``Ledger`` first.
"""
