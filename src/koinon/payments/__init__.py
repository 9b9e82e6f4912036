"""What a payer and a payee agreed, settled from the purses whose rules allow it; and refunds.

Knows the ledger, the spending rules and the facts about a shop; no names of people.
"""
