"""The town's bank: statements read safely, every entry kept once, and matched or listed with its reasons.

Knows the treasury's receipts, top-ups and payouts. Does not know pages, commands or
whose money an entry is: what a bank says of people is sealed while an entry is
listed, and forgotten when it is matched.
"""
